package keys_test

import (
	"fmt"
	"log"

	"keyreeve/keys"
)

// A data key wrapped to one recipient, and found again with the identities at
// hand. In a program the ring comes from [keys.Discover].
func Example() {
	id, err := keys.New(false)
	if err != nil {
		log.Fatal(err)
	}
	enc, err := keys.Wrap(id.Recipient(), []byte("a data key of 32 bytes, or so..."))
	if err != nil {
		log.Fatal(err)
	}
	ring := keys.NewRing(id)
	dataKey, err := ring.Unwrap(id.Recipient(), enc)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", dataKey)
	// Output: a data key of 32 bytes, or so...
}

// A host's SSH key becomes the recipient that sops-nix expects.
func ExampleRecipientFromSSH() {
	recipient, err := keys.RecipientFromSSH("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOHz+U0YtjINc54dZiJNclfmEFifF7RXCFlNlTbuZBji root@potato", false)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(recipient)
	// Output: age17044m9wgakla6pzftf4srtl3h5mcsr85jysgt5fg23zpnta8sfdqhzn452
}

// A private key in the wrong place is refused and not repeated.
func ExampleParseRecipient() {
	_, err := keys.ParseRecipient("age1xxxxxxxxxxxx")
	fmt.Println(err)
	_, err = keys.ParseRecipient("AGE-SECRET-KEY-1WHATEVER")
	fmt.Println(err)
	// Output:
	// placeholder instead of a recipient "age1xxxxxx…": put a real public key here
	// private key where a recipient belongs: give the public key (age-keygen -y prints it); if this text was stored or sent, replace the key
}
