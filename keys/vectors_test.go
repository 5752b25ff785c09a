package keys_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	agetest "c2sp.org/CCTV/age"
	"filippo.io/age/armor"

	"keyreeve/keys"
)

// A vector is one file of age's CCTV collection, see
// https://c2sp.org/CCTV/age.
type vector struct {
	expect     string
	payload    string // its SHA-256, in hex
	identities []*keys.Identity
	passphrase bool
	armored    bool
	file       []byte
}

func parseVector(t *testing.T, test []byte) vector {
	t.Helper()
	v := vector{file: test}
	compressed := false
	for {
		line, rest, ok := bytes.Cut(v.file, []byte("\n"))
		if !ok {
			t.Fatal("no payload")
		}
		if v.file = rest; len(line) == 0 {
			break
		}
		key, value, _ := strings.Cut(string(line), ": ")
		switch key {
		case "expect":
			v.expect = value
		case "payload":
			v.payload = value
		case "identity":
			ids, err := keys.ParseIdentities([]byte(value), "vector", nil)
			if err != nil {
				t.Fatal(err)
			}
			v.identities = append(v.identities, ids...)
		case "passphrase":
			v.passphrase = true
		case "armored":
			v.armored = true
		case "compressed":
			compressed = true
		case "comment", "file key":
		default:
			t.Fatalf("unknown key %q", key)
		}
	}
	if compressed {
		r, err := zlib.NewReader(bytes.NewReader(v.file))
		if err != nil {
			t.Fatal(err)
		}
		if v.file, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// enc returns the vector's file in armor, as documents hold it.
func (v vector) enc(t *testing.T) string {
	t.Helper()
	if v.armored {
		return string(v.file)
	}
	var b bytes.Buffer
	w := armor.NewWriter(&b)
	if _, err := w.Write(v.file); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// failure names the kind of an error as the vectors do.
func failure(err error) string {
	broken, none := new(keys.FileError), new(keys.NoIdentityError)
	switch {
	case err == nil:
		return "success"
	case errors.As(err, &none):
		return "no match"
	case errors.As(err, &broken):
		return map[keys.FileKind]string{keys.BadArmor: "armor failure", keys.BadHeader: "header failure",
			keys.BadMAC: "HMAC failure", keys.BadPayload: "payload failure"}[broken.Kind]
	}
	return "unclassed: " + err.Error()
}

// Every vector for a public key ends as it should, and for the right reason.
func TestVectors(t *testing.T) {
	files, err := fs.ReadDir(agetest.Vectors, ".")
	if err != nil {
		t.Fatal(err)
	}
	run := map[string]int{}
	for _, file := range files {
		data, err := fs.ReadFile(agetest.Vectors, file.Name())
		if err != nil {
			t.Fatal(err)
		}
		v := parseVector(t, data)
		if v.passphrase {
			// No document wraps its data key to a passphrase.
			run["passphrase"]++
			continue
		}
		run[v.expect]++
		t.Run(file.Name(), func(t *testing.T) {
			enc := v.enc(t)
			got, err := keys.NewRing(v.identities...).Unwrap(someX25519, enc)
			if len(enc) > 1<<20 {
				// Files of 16 MiB are no data keys and not read at all.
				if failure(err) != "armor failure" || !strings.Contains(err.Error(), "too many") {
					t.Errorf("got %v", err)
				}
				return
			}
			if kind := failure(err); kind != v.expect {
				t.Fatalf("got %s (%v), want %s", kind, err, v.expect)
			}
			if sum := sha256.Sum256(got); v.expect == "success" && hex.EncodeToString(sum[:]) != v.payload {
				t.Error("the payload differs")
			}
			if _, err := keys.Inspect(enc); v.expect == "success" && err != nil {
				t.Errorf("inspecting: %v", err)
			}
		})
	}
	for _, kind := range []string{"success", "no match", "armor failure", "header failure", "HMAC failure", "payload failure", "passphrase"} {
		if run[kind] == 0 {
			t.Errorf("no vector expects %s: the collection is not what it was", kind)
		}
	}
	t.Log(run)
}
