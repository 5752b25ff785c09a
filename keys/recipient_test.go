package keys_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"filippo.io/age/plugin"
	"pgregory.net/rapid"

	"keyreeve/keys"
)

// Public keys for tests; nobody has the identities.
const (
	someX25519 = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
	someSSH    = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOHz+U0YtjINc54dZiJNclfmEFifF7RXCFlNlTbuZBji"
)

func mustNew(t testing.TB, pq bool) *keys.Identity {
	t.Helper()
	id, err := keys.New(pq)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func mustReveal(t testing.TB, id *keys.Identity) string {
	t.Helper()
	secret, err := id.Reveal()
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestParseRecipientTypes(t *testing.T) {
	rsa := sshKey(t, "rsa", "", "-b", "2048")
	named := plugin.EncodeRecipient("yubikey", []byte("0123456789"))
	tests := []struct {
		in, canonical, comment, plugin string
		typ                            keys.Type
	}{
		{in: someX25519, canonical: someX25519, typ: keys.X25519},
		{in: mustNew(t, true).Recipient(), canonical: "age1pq1", typ: keys.Hybrid},
		{in: someSSH, canonical: someSSH, typ: keys.SSHEd25519},
		{in: someSSH + " joerg@turingmachine or so", canonical: someSSH, comment: "joerg@turingmachine or so", typ: keys.SSHEd25519},
		{in: rsa.public, canonical: "ssh-rsa AAAA", comment: "test key", typ: keys.SSHRSA},
		{in: named, canonical: named, plugin: "yubikey", typ: keys.Plugin},
	}
	for _, test := range tests {
		r, err := keys.ParseRecipient(test.in)
		if err != nil {
			t.Errorf("%.30s: %v", test.in, err)
			continue
		}
		if r.Type() != test.typ || !strings.HasPrefix(r.String(), test.canonical) ||
			r.Comment() != test.comment || r.PluginName() != test.plugin {
			t.Errorf("%.30s: got %v %.30q %q %q", test.in, r.Type(), r.String(), r.Comment(), r.PluginName())
		}
	}
}

func TestParseRecipientRefuses(t *testing.T) {
	secret := mustReveal(t, mustNew(t, false))
	pq := mustReveal(t, mustNew(t, true))
	short := sshKey(t, "rsa", "", "-b", "1024")
	ecdsa := sshKey(t, "ecdsa", "")
	tests := []struct {
		in     string
		reason keys.Reason
	}{
		{secret, keys.PrivateKey},
		{pq, keys.PrivateKey},
		{" " + secret, keys.PrivateKey},
		{"x" + secret, keys.PrivateKey},
		{strings.ToLower(secret), keys.PrivateKey},
		{someX25519 + " # " + secret, keys.PrivateKey},
		{"AGE-PLUGIN-YUBIKEY-1QQQQQQQQQQ", keys.PrivateKey},
		{"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA", keys.PrivateKey},
		{"", keys.Placeholder},
		{"  ", keys.Placeholder},
		{"age1", keys.Placeholder},
		{"age1xxxx", keys.Placeholder},
		{"age1" + strings.Repeat("x", 58), keys.Placeholder},
		{"age1" + strings.Repeat("q", 58), keys.Placeholder},
		{"age1xxxxxxxxxxxxlaptop", keys.Placeholder},
		{"age1...", keys.Placeholder},
		{"age1abc…", keys.Placeholder},
		{"<your public key>", keys.Placeholder},
		{"CHANGEME", keys.Placeholder},
		{"age1replace-me", keys.Placeholder},
		{"ssh-ed25519 AAAA...", keys.Placeholder},
		{"ssh-ed25519 AAAAxxxxxxx root@potato", keys.Placeholder},
		{"age1pq1xxxxxxxx", keys.Placeholder},
		{"age", keys.Malformed},
		{someX25519[:61], keys.Malformed},
		{someX25519[:61] + "q", keys.Malformed},
		{" " + someX25519, keys.Malformed},
		{someX25519 + "\n", keys.Malformed},
		{someX25519 + "," + someX25519, keys.Malformed},
		{strings.ToUpper(someX25519), keys.Malformed},
		{"age1pq1qqqp", keys.Malformed},
		{"age1yubikey1qqqqqqq", keys.Malformed},
		{"no-touch-required " + someSSH, keys.Malformed},
		{"ssh-rsa" + someSSH[len("ssh-ed25519"):], keys.Malformed},
		{"ssh-ed25519", keys.Malformed},
		{"ssh-ed25519  AAAA", keys.Malformed},
		{someSSH[:60], keys.Malformed},
		{"tim", keys.Malformed},
		{"\xff\xfe", keys.Malformed},
		{"age1" + strings.Repeat("p", 9000) + "q", keys.Malformed},
		{ecdsa.public, keys.Unsupported},
		{"sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t", keys.Unsupported},
		{"ssh-dss AAAAB3NzaC1kc3M", keys.Unsupported},
		{short.public, keys.Unsupported},
		{"sk-ant-a-secret-of-another-kind", keys.Malformed},
		{"FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4", keys.Unsupported},
		{"arn:aws:kms:us-east-1:656532927350:key/920aff2e", keys.Unsupported},
	}
	for _, test := range tests {
		_, err := keys.ParseRecipient(test.in)
		var refused *keys.RecipientError
		if !errors.As(err, &refused) {
			t.Errorf("%.40q: got %v, want a RecipientError", test.in, err)
			continue
		}
		if refused.Reason != test.reason {
			t.Errorf("%.40q: got %v, want %v", test.in, err, test.reason)
		}
		if refused.Hint == "" || strings.HasSuffix(err.Error(), ".") {
			t.Errorf("%.40q: no hint, or a period: %v", test.in, err)
		}
		if refused.Reason == keys.PrivateKey && refused.Input != "" {
			t.Errorf("a private key's error has an input: %q", refused.Input)
		}
	}
}

// A point of low order would make every data key public.
func TestParseRecipientRefusesLowOrder(t *testing.T) {
	for _, in := range []string{
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", // y = 1
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", // y = 0
	} {
		if _, err := keys.ParseRecipient(in); err == nil {
			t.Errorf("%s: accepted", in)
		}
		if got, err := keys.RecipientFromSSH(in, false); err == nil {
			t.Errorf("%s: converted to %s", in, got)
		}
	}
}

// However a private key is mangled, no part of it comes back.
func TestParseRecipientNeverEchoes(t *testing.T) {
	secret := mustReveal(t, mustNew(t, false))
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, len(secret)-20).Draw(t, "from")
		before := rapid.SampledFrom([]string{"", " ", "x", "age", "age1", "age1x1", "AGE-", "# ", "\n"}).Draw(t, "before")
		after := rapid.SampledFrom([]string{"", " ", "\n", "x", " comment"}).Draw(t, "after")
		key := secret[from:]
		if rapid.Bool().Draw(t, "lower") {
			key = strings.ToLower(key)
		}
		in := before + key + after
		_, err := keys.ParseRecipient(in)
		if err == nil {
			t.Fatalf("accepted")
		}
		_, convErr := keys.RecipientFromSSH(in, true)
		for _, e := range []error{err, convErr} {
			for i := 0; i+8 <= len(secret); i++ {
				if i > 16 && strings.Contains(strings.ToUpper(e.Error()), secret[i:i+8]) {
					t.Fatalf("%v quotes the key", e)
				}
			}
		}
	})
}

func TestWrapIsWhatSopsWrites(t *testing.T) {
	dataKey := []byte("0123456789abcdef0123456789abcdef")
	ed, rsa := sshKey(t, "ed25519", ""), sshKey(t, "rsa", "", "-b", "2048")
	recipients := map[string]string{
		mustNew(t, false).Recipient(): "X25519",
		mustNew(t, true).Recipient():  "mlkem768x25519",
		ed.public:                     "ssh-ed25519",
		rsa.public:                    "ssh-rsa",
	}
	for recipient, stanza := range recipients {
		enc, err := keys.Wrap(recipient, dataKey)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(enc, "-----BEGIN AGE ENCRYPTED FILE-----\n") || !strings.HasSuffix(enc, "\n-----END AGE ENCRYPTED FILE-----\n") {
			t.Errorf("%s: not sops' form: %q", stanza, enc)
		}
		types, err := keys.Inspect(enc)
		if err != nil || len(types) != 1 || types[0] != stanza {
			t.Errorf("got stanzas %q, %v, want %q", types, err, stanza)
		}
		for other, otherStanza := range recipients {
			r, err := keys.ParseRecipient(other)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Check(enc); (err == nil) != (stanza == otherStanza) {
				t.Errorf("checking a %s stanza for %s: %v", stanza, otherStanza, err)
			}
		}
	}
}

func TestCheckSeesForgedLabels(t *testing.T) {
	first, second := sshKey(t, "ed25519", ""), sshKey(t, "ed25519", "")
	enc, err := keys.Wrap(first.public, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	r, err := keys.ParseRecipient(second.public)
	if err != nil {
		t.Fatal(err)
	}
	var broken *keys.FileError
	if err := r.Check(enc); !errors.As(err, &broken) || broken.Kind != keys.BadHeader {
		t.Errorf("another SSH key's stanza passed: %v", err)
	}
	x, y := mustNew(t, false), mustNew(t, false)
	two, err := ageCommand(t, []byte("shared"), "-a", "-r", x.Recipient(), "-r", y.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if r, err = keys.ParseRecipient(x.Recipient()); err != nil {
		t.Fatal(err)
	}
	if err := r.Check(string(two)); !errors.As(err, &broken) || !strings.Contains(err.Error(), "2 stanzas") {
		t.Errorf("two stanzas passed: %v", err)
	}
	if types, err := keys.Inspect(string(two)); err != nil || len(types) != 2 {
		t.Errorf("got %q, %v", types, err)
	}
}

func TestRecipientFromSSH(t *testing.T) {
	// The example that ssh-to-age publishes with its own test key.
	const published = "age17044m9wgakla6pzftf4srtl3h5mcsr85jysgt5fg23zpnta8sfdqhzn452"
	got, err := keys.RecipientFromSSH(someSSH+" joerg@turingmachine\n", false)
	if err != nil || got != published {
		t.Errorf("got %q, %v, want %q", got, err, published)
	}
	if got, err := keys.RecipientFromSSH("no-pty "+someSSH+" x", true); err != nil || got != someSSH {
		t.Errorf("native: got %q, %v", got, err)
	}
	rsa := sshKey(t, "rsa", "", "-b", "2048")
	if got, err := keys.RecipientFromSSH(rsa.public, true); err != nil || !strings.HasPrefix(rsa.public, got+" ") {
		t.Errorf("rsa: got %q, %v", got, err)
	}
	var refused *keys.RecipientError
	if _, err := keys.RecipientFromSSH(rsa.public, false); !errors.As(err, &refused) || refused.Reason != keys.Unsupported {
		t.Errorf("rsa converted: %v", err)
	}
	ed := sshKey(t, "ed25519", "")
	if _, err := keys.RecipientFromSSH(string(ed.private), false); !errors.As(err, &refused) || refused.Reason != keys.PrivateKey {
		t.Errorf("private key: %v", err)
	}
	for _, in := range []string{"", "x", someSSH + "\n" + someSSH, someSSH[:50]} {
		if _, err := keys.RecipientFromSSH(in, false); !errors.As(err, &refused) {
			t.Errorf("%q: got %v", in, err)
		}
	}
}

// The private key of an SSH key converts to the identity of the recipient that
// its public key converts to.
func TestConversionsAgree(t *testing.T) {
	for range 8 {
		key := sshKey(t, "ed25519", "")
		recipient, err := keys.RecipientFromSSH(key.public, false)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := keys.ParseIdentities(key.private, "test", nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) != 2 || ids[1].Recipient() != recipient || !ids[1].Source().Converted {
			t.Fatalf("got %v, want the identity of %s second", ids, recipient)
		}
		// age-keygen checks the encoding of the private half.
		if got := ageKeygen(t, mustReveal(t, ids[1])+"\n", "-y"); got != recipient+"\n" {
			t.Fatalf("age-keygen says %q, want %q", got, recipient)
		}
	}
}

type sshKeyPair struct {
	path, public string
	private      []byte
}

// sshKey makes a key with the real ssh-keygen.
func sshKey(t testing.TB, typ, passphrase string, args ...string) sshKeyPair {
	t.Helper()
	path := t.TempDir() + "/id"
	args = append([]string{"-q", "-t", typ, "-N", passphrase, "-C", "test key", "-f", path}, args...)
	if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
		if typ == "rsa" && strings.Contains(string(out), "1024") {
			t.Skipf("this ssh-keygen makes no small keys: %s", out)
		}
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	return sshKeyPair{path: path, public: strings.TrimSpace(string(mustRead(t, path+".pub"))), private: mustRead(t, path)}
}
