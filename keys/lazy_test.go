package keys_test

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"keyreeve/keys"
)

// Nobody is asked while a key at hand opens a document, whatever the order of
// its recipients.
func TestPromptsAreLazy(t *testing.T) {
	m := newMachine(t)
	plain, guarded := mustNew(t, false), mustNew(t, false)
	ed := sshKey(t, "ed25519", "pass")
	m.write("home/.ssh/id_ed25519", string(ed.private))
	m.env["SOPS_AGE_SSH_PRIVATE_KEY_FILE"] = filepath.Join(m.opts.Home, ".ssh", "id_ed25519")
	if err := guarded.Save(filepath.Join(m.dir, "guarded"), keys.SaveOptions{Passphrase: []byte("pass")}); err != nil {
		t.Fatal(err)
	}
	m.env["SOPS_AGE_KEY_FILE"] = filepath.Join(m.dir, "guarded")
	m.env["SOPS_AGE_KEY"] = mustReveal(t, plain)
	var asked []string
	m.opts.Prompt = func(message string) ([]byte, error) {
		asked = append(asked, message)
		return []byte("pass"), nil
	}
	ring := keys.Discover(m.opts)
	if len(ring.Locked()) != 2 || !ring.Has(ed.public) || !ring.Has(convert(t, ed.public)) || ring.Has(guarded.Recipient()) {
		t.Errorf("got locked %v", ring.Locked())
	}
	wrap := func(recipient string) string {
		enc, err := keys.Wrap(recipient, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		return enc
	}
	type unwrapFunc func(recipient, enc string) ([]byte, error)
	unlock := func(recipients ...string) func(unwrapFunc) error {
		return func(unwrap unwrapFunc) (err error) {
			for _, recipient := range recipients {
				if _, err = unwrap(recipient, wrap(recipient)); err == nil {
					return nil
				}
			}
			return err
		}
	}
	steps := []struct {
		recipients []string
		asked      string // for which file, "" for nobody
	}{
		{[]string{someX25519, ed.public, guarded.Recipient(), plain.Recipient()}, ""},
		{[]string{ed.public}, "id_ed25519"},
		{[]string{convert(t, ed.public)}, ""},
		{[]string{guarded.Recipient()}, "guarded"},
		{[]string{guarded.Recipient(), ed.public}, ""},
	}
	for i, step := range steps {
		asked = nil
		if err := keys.Open(ring, unlock(step.recipients...)); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
		if step.asked == "" && len(asked) != 0 || step.asked != "" && (len(asked) != 1 || !strings.Contains(asked[0], step.asked)) {
			t.Errorf("step %d: asked %q, want %q", i, asked, step.asked)
		}
	}
	// The converted form of a locked key is found by its label alone.
	asked = nil
	if err := keys.Open(keys.Discover(m.opts), unlock(convert(t, ed.public))); err != nil || len(asked) != 1 {
		t.Errorf("asked %q, %v", asked, err)
	}
	// Nobody is asked for a key that is known to be another one.
	asked = nil
	if err := keys.Open(keys.Discover(m.opts), unlock(guarded.Recipient())); err != nil || len(asked) != 1 || !strings.Contains(asked[0], "guarded") {
		t.Errorf("asked %q, %v", asked, err)
	}
	m.opts.Prompt = nil
	if err := keys.Open(keys.Discover(m.opts), unlock(ed.public)); err == nil || !strings.Contains(err.Error(), keys.ErrNoPrompt.Error()) {
		t.Errorf("got %v", err)
	}
	m.opts.Prompt = answer("wrong")
	if err := keys.Open(keys.Discover(m.opts), unlock(guarded.Recipient())); err == nil || !strings.Contains(err.Error(), keys.ErrPassphrase.Error()) {
		t.Errorf("got %v", err)
	}
}

// A key in PEM form hides its public half; the .pub file beside it has it.
func TestLockedPEM(t *testing.T) {
	m := newMachine(t)
	rsa := sshKey(t, "rsa", "passphrase", "-b", "2048", "-m", "PEM")
	m.write("home/.ssh/id_rsa", string(rsa.private))
	m.opts.Prompt = answer("passphrase")
	if keys.Discover(m.opts).Has(rsa.public) {
		t.Error("the public half was known without a .pub file")
	}
	if err := m.opens(rsa.public); err != nil {
		t.Error(err)
	}
	m.write("home/.ssh/id_rsa.pub", rsa.public)
	if !keys.Discover(m.opts).Has(rsa.public) {
		t.Error("the .pub file was not read")
	}
	if err := m.opens(rsa.public); err != nil {
		t.Error(err)
	}
	other := sshKey(t, "rsa", "", "-b", "2048")
	m.write("home/.ssh/id_rsa.pub", other.public)
	if err := m.opens(other.public); err == nil || !strings.Contains(err.Error(), "not the one of the public key") {
		t.Errorf("a mismatched pair: %v", err)
	}
}

func TestUnwrapConcurrently(t *testing.T) {
	m, id := newMachine(t), mustNew(t, false)
	path := filepath.Join(m.dir, "guarded")
	if err := id.Save(path, keys.SaveOptions{Passphrase: []byte("pass")}); err != nil {
		t.Fatal(err)
	}
	m.env["SOPS_AGE_KEY_FILE"] = path
	var asked atomic.Int32
	m.opts.Prompt = func(string) ([]byte, error) { asked.Add(1); return []byte("pass"), nil }
	ring := keys.Discover(m.opts)
	enc, err := keys.Wrap(id.Recipient(), make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := ring.Unwrap(id.Recipient(), enc); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}
