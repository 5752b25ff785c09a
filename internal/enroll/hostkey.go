// Package enroll finds the SSH host keys of a machine that joins the fleet, in
// files and over the network, and makes keys for one that is yet to be
// installed. It writes only where it is told to; the inventory is not its
// business.
package enroll

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"keyreeve/keys"
)

// A HostKey is the public key of a machine.
type HostKey struct {
	Type        string // such as ssh-ed25519
	Fingerprint string // SHA256:…, as ssh-keygen -l prints it
	line        string
}

// A KeyError says why there is no usable host key.
type KeyError struct{ Message, Hint string }

func (e *KeyError) Error() string { return e.Message }

// ParseHostKeys reads host keys from .pub files, known_hosts (sshd(8)) and what
// ssh-keyscan prints, one a line. Lines that are no keys that age can encrypt to
// are left out. The error is a *[KeyError], or a *[keys.RecipientError] for a
// private key.
func ParseHostKeys(data []byte) ([]HostKey, error) {
	if strings.Contains(string(data), "PRIVATE KEY") {
		return nil, &keys.RecipientError{Reason: keys.PrivateKey, Hint: "give the public key, from the file that ends in .pub"}
	}
	var found []HostKey
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") || strings.HasPrefix(fields[0], "@") {
			continue
		}
		at := slices.IndexFunc(fields, func(f string) bool { return f == ssh.KeyAlgoED25519 || f == ssh.KeyAlgoRSA })
		if at < 0 || at+1 == len(fields) {
			continue
		}
		text := fields[at] + " " + fields[at+1]
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
		if err != nil {
			return nil, &KeyError{"a line has a malformed " + fields[at] + " key", "copy the line of the .pub file again"}
		}
		k := HostKey{Type: key.Type(), Fingerprint: ssh.FingerprintSHA256(key), line: text}
		if !slices.Contains(found, k) {
			found = append(found, k)
		}
	}
	if len(found) == 0 {
		return nil, &KeyError{"there is no ed25519 or RSA public key", "the machine has it in /etc/ssh/ssh_host_ed25519_key.pub"}
	}
	return found, nil
}

// Choose returns the one ed25519 key or, for use as an SSH recipient, else the
// one RSA key. The error is a *[KeyError].
func Choose(all []HostKey, native bool) (HostKey, error) {
	of := func(kind string) []HostKey {
		return slices.DeleteFunc(slices.Clone(all), func(k HostKey) bool { return k.Type != kind })
	}
	chosen := of(ssh.KeyAlgoED25519)
	if len(chosen) == 0 && !native {
		return HostKey{}, &KeyError{"there is an RSA key only, and it converts to no age recipient", "use an ed25519 host key, or keep this one with --native-ssh"}
	}
	if len(chosen) == 0 {
		chosen = of(ssh.KeyAlgoRSA)
	}
	if len(chosen) > 1 {
		return HostKey{}, &KeyError{fmt.Sprintf("there are %d different %s keys", len(chosen), chosen[0].Type), "give the lines of one machine"}
	}
	return chosen[0], nil
}

// RSA reports whether the key is of a type that only serves as it is.
func (k HostKey) RSA() bool { return k.Type == ssh.KeyAlgoRSA }

// Recipient returns the age recipient that an ed25519 key converts to, or with
// native the key itself.
func (k HostKey) Recipient(native bool) (string, error) { return keys.RecipientFromSSH(k.line, native) }
