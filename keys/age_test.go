package keys_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keyreeve/keys"
	"keyreeve/test/peers"
)

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustWrite(t testing.TB, path, data string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ageCommand runs the real age on input.
func ageCommand(t testing.TB, input []byte, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command(peers.Age(t), args...)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("age: %w: %s", err, stderr.String())
	}
	return out, nil
}

// ageKeygen runs the real age-keygen on input and returns its output.
func ageKeygen(t testing.TB, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command(peers.AgeKeygen(t), args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("age-keygen: %v", err)
	}
	return string(out)
}

// What keys wraps, age opens, and the other way round, for every kind of key.
func TestAgeAgrees(t *testing.T) {
	dataKey := []byte("0123456789abcdef0123456789abcdef")
	ed, rsa := sshKey(t, "ed25519", ""), sshKey(t, "rsa", "", "-b", "2048")
	tests := []struct {
		name      string
		file      string // for age -i
		recipient string
	}{
		{"x25519", mustWrite(t, t.TempDir()+"/k", ageKeygen(t, "")), ""},
		{"hybrid", mustWrite(t, t.TempDir()+"/k", ageKeygen(t, "", "-pq")), ""},
		{"ssh-ed25519", ed.path, ed.public},
		{"ssh-rsa", rsa.path, rsa.public},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ids, err := keys.ParseIdentities(mustRead(t, test.file), test.file, nil)
			if err != nil {
				t.Fatal(err)
			}
			recipient := test.recipient
			if recipient == "" {
				recipient = ids[0].Recipient()
			}
			if ids[0].Type().String() != test.name {
				t.Errorf("got type %v", ids[0].Type())
			}
			enc, err := keys.Wrap(recipient, dataKey)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ageCommand(t, []byte(enc), "-d", "-i", test.file); err != nil || !bytes.Equal(got, dataKey) {
				t.Errorf("age opens it as %q, %v", got, err)
			}
			theirs, err := ageCommand(t, dataKey, "-a", "-r", recipient)
			if err != nil {
				t.Fatal(err)
			}
			got, err := keys.NewRing(ids...).Unwrap(recipient, string(theirs))
			if err != nil || !bytes.Equal(got, dataKey) {
				t.Errorf("got %q, %v from what age wrapped", got, err)
			}
		})
	}
}

// age-keygen reads what Save writes, and the two print the same recipient.
func TestSaveIsAgeKeygens(t *testing.T) {
	for _, pq := range []bool{false, true} {
		id := mustNew(t, pq)
		path := t.TempDir() + "/sub/keys.txt"
		if err := id.Save(path, keys.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := ageKeygen(t, "", "-y", path); got != id.Recipient()+"\n" {
			t.Errorf("age-keygen reads %q, want %q", got, id.Recipient())
		}
		ours, theirs := string(mustRead(t, path)), ageKeygen(t, "", map[bool][]string{true: {"-pq"}}[pq]...)
		ourLines, theirLines := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
		if len(ourLines) != len(theirLines) {
			t.Fatalf("got %d lines, age-keygen writes %d", len(ourLines), len(theirLines))
		}
		for i := range ourLines {
			a, _, _ := strings.Cut(ourLines[i], ": ")
			b, _, _ := strings.Cut(theirLines[i], ": ")
			if strings.HasPrefix(a, "#") && a != b || len(ourLines[i]) != len(theirLines[i]) && i != 0 {
				t.Errorf("line %d differs from age-keygen's in form: %.16q and %.16q", i+1, a, b)
			}
		}
	}
}
