package sops_test

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"keyreeve/sops"
)

// Read one secret from a document, with an age identity from a file.
func Example() {
	keyFile, err := os.Open("testdata/golden/identity.txt")
	if err != nil {
		log.Fatal(err)
	}
	identities, err := age.ParseIdentities(keyFile)
	if err != nil {
		log.Fatal(err)
	}
	data, err := os.ReadFile("testdata/golden/all.yaml")
	if err != nil {
		log.Fatal(err)
	}

	d, err := sops.Parse(data, sops.YAML)
	if err != nil {
		log.Fatal(err)
	}
	err = d.Unlock(func(recipient, enc string) ([]byte, error) {
		r, err := age.Decrypt(armor.NewReader(strings.NewReader(enc)), identities...)
		if err != nil {
			return nil, err
		}
		var key bytes.Buffer
		_, err = key.ReadFrom(r)
		return key.Bytes(), err
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := d.Decrypt(sops.DecryptOptions{}); err != nil {
		log.Fatal(err)
	}
	secret, err := d.Lookup(0, []string{"g", "h"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(secret.Text)
	// Output:
	// multi
	// line
}

// Change one value and seal again: every other entry keeps its ciphertext.
func ExampleDocument_Set() {
	sealed, unwrap := exampleDocument("postgres:\n    user: app\n    password: old\n")

	d, err := sops.Parse(sealed, sops.YAML)
	if err != nil {
		log.Fatal(err)
	}
	if err := d.Unlock(unwrap); err != nil {
		log.Fatal(err)
	}
	if err := d.Decrypt(sops.DecryptOptions{}); err != nil {
		log.Fatal(err)
	}
	changed, err := d.Set(0, []string{"postgres", "password"}, sops.StringNode("new"), sops.SetOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if sealed, err = d.Seal(time.Now()); err != nil {
		log.Fatal(err)
	}
	plain, err := d.Plain(sops.YAML)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(changed, bytes.Contains(sealed, []byte("new")))
	fmt.Printf("%s", plain)
	// Output:
	// true false
	// postgres:
	//     user: app
	//     password: new
}

// exampleDocument seals plaintext for one new recipient, and returns what opens
// it.
func exampleDocument(plain string) ([]byte, sops.UnwrapFunc) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		log.Fatal(err)
	}
	p := &peer{identity: identity}
	sealed, err := encryptWith(p, []byte(plain))
	if err != nil {
		log.Fatal(err)
	}
	return sealed, p.unwrap
}
