package keys_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyreeve/keys"
)

// A machine is a home, a system root and an environment of their own.
type machine struct {
	t    *testing.T
	dir  string
	env  map[string]string
	opts keys.Options
}

func newMachine(t *testing.T) *machine {
	m := &machine{t: t, dir: t.TempDir(), env: map[string]string{}}
	m.opts = keys.Options{Getenv: func(name string) string { return m.env[name] },
		Home: filepath.Join(m.dir, "home"), SystemRoot: m.dir, Timeout: 10 * time.Second}
	return m
}

func (m *machine) write(path, data string) string {
	return mustWrite(m.t, filepath.Join(m.dir, path), data)
}

// opens reports whether the machine opens what is wrapped to recipient.
func (m *machine) opens(recipient string) error {
	m.t.Helper()
	want := []byte("0123456789abcdef0123456789abcdef")
	enc, err := keys.Wrap(recipient, want)
	if err != nil {
		m.t.Fatal(err)
	}
	got, err := keys.Discover(m.opts).Unwrap(recipient, enc)
	if err == nil && !bytes.Equal(got, want) {
		m.t.Fatalf("got data key %q", got)
	}
	return err
}

func convert(t *testing.T, public string) string {
	t.Helper()
	recipient, err := keys.RecipientFromSSH(public, false)
	if err != nil {
		t.Fatal(err)
	}
	return recipient
}

// Each source counts beside all others.
func TestDiscoverIsAUnion(t *testing.T) {
	m := newMachine(t)
	m.opts.Root = true
	wants := map[string]string{}
	secret := func(name string) string {
		id := mustNew(t, false)
		wants[name] = id.Recipient()
		return mustReveal(t, id)
	}
	ssh := func(name, typ string, args ...string) string {
		key := sshKey(t, typ, "", args...)
		wants[name] = key.public
		if typ == "ed25519" {
			wants[name+" converted"] = convert(t, key.public)
		}
		return string(key.private)
	}
	m.env["SOPS_AGE_SSH_PRIVATE_KEY_FILE"] = m.write("ssh-file", ssh("ssh file", "ed25519"))
	m.env["SOPS_AGE_SSH_PRIVATE_KEY_CMD"] = "cat " + m.write("ssh-cmd", ssh("ssh command", "ed25519"))
	m.write("home/.ssh/id_ed25519", ssh("id_ed25519", "ed25519"))
	m.write("home/.ssh/id_rsa", ssh("id_rsa", "rsa", "-b", "2048"))
	m.env["SOPS_AGE_KEY"] = secret("env 1") + " " + secret("env 2") + "\n# x\n" + secret("env 3")
	m.env["SOPS_AGE_KEY_FILE"] = m.write("k", secret("file 1")+"\n"+secret("file 2"))
	m.env["SOPS_AGE_KEY_CMD"] = "cat '" + m.write("with blank", secret("command")) + "'"
	m.write("home/.config/sops/age/keys.txt", secret("keys.txt"))
	m.write("etc/sops/age.key", secret("age.key"))
	m.write("etc/ssh/ssh_host_ed25519_key", ssh("host", "ed25519"))
	m.write("etc/ssh/ssh_host_rsa_key", ssh("host rsa", "rsa", "-b", "2048"))
	for name, recipient := range wants {
		if err := m.opens(recipient); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if problems := keys.Discover(m.opts).Problems(); len(problems) != 0 {
		t.Errorf("got problems %v", problems)
	}
	m.opts.Root = false
	for name, recipient := range wants {
		system := strings.HasPrefix(name, "host") || name == "age.key"
		if err := m.opens(recipient); (err != nil) != system {
			t.Errorf("not as root: %s: %v", name, err)
		}
	}
}

func TestDiscoverConfigHome(t *testing.T) {
	m, id := newMachine(t), mustNew(t, false)
	m.env["XDG_CONFIG_HOME"] = filepath.Join(m.dir, "xdg")
	path := m.write("xdg/sops/age/keys.txt", mustReveal(t, id))
	if err := m.opens(id.Recipient()); err != nil {
		t.Error(err)
	}
	if got, err := keys.UserKeyFile(m.opts); got != path || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// The order of sops, with the identity of the recipient tried first.
func TestDiscoverOrder(t *testing.T) {
	m := newMachine(t)
	a, b := mustNew(t, false), mustNew(t, true)
	ed := sshKey(t, "ed25519", "")
	m.env["SOPS_AGE_KEY"] = mustReveal(t, a)
	m.write("home/.config/sops/age/keys.txt", mustReveal(t, b))
	m.write("home/.ssh/id_ed25519", string(ed.private))
	var got []string
	ring := keys.Discover(m.opts)
	for _, id := range ring.Identities() {
		got = append(got, id.Recipient())
	}
	want := []string{strings.TrimSuffix(ed.public, " test key"), convert(t, ed.public), a.Recipient(), b.Recipient()}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got order %.200q, want %.200q", got, want)
	}
	for _, recipient := range append(want, ed.public) {
		if !ring.Has(recipient) {
			t.Errorf("the ring does not have %.40s", recipient)
		}
	}
	if ring.Has(someX25519) {
		t.Error("the ring has a stranger's key")
	}
	// A forged label does not keep the right identity from opening.
	enc, err := keys.Wrap(b.Recipient(), make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Unwrap(a.Recipient(), enc); err != nil {
		t.Errorf("forged label: %v", err)
	}
	if enc, err = keys.Wrap(someX25519, make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	none := new(keys.NoIdentityError)
	if _, err := ring.Unwrap(b.Recipient(), enc); !errors.As(err, &none) || len(none.Tried) != 4 ||
		none.Tried[0].Recipient != b.Recipient() || none.Tried[1].Recipient != want[0] {
		t.Errorf("got %v, want the identity of the recipient to be tried first", err)
	}
}

// A broken source is fatal only if nothing else decrypts, and then it is named.
func TestBrokenSources(t *testing.T) {
	m, id := newMachine(t), mustNew(t, false)
	secret := mustReveal(t, id)
	ed := sshKey(t, "ed25519", "x")
	broken := map[string]string{
		"SOPS_AGE_SSH_PRIVATE_KEY_FILE": filepath.Join(m.dir, "missing"),
		"SOPS_AGE_SSH_PRIVATE_KEY_CMD":  "cat " + ed.path,
		"SOPS_AGE_KEY_FILE":             m.write("bad", "# c\n"+secret+" \n"),
		"SOPS_AGE_KEY_CMD":              "false " + secret,
	}
	for name, value := range broken {
		m.env[name] = value
	}
	m.write("home/.ssh/id_rsa", string(sshKey(t, "ecdsa", "").private))
	m.write("home/.config/sops/age/keys.txt", secret)
	if err := m.opens(id.Recipient()); err != nil {
		t.Errorf("broken sources got in the way: %v", err)
	}
	err := m.opens(someX25519)
	none := new(keys.NoIdentityError)
	if !errors.As(err, &none) || len(none.Tried) != 1 || none.Tried[0].Recipient != id.Recipient() || none.Tried[0].Err != nil {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{someX25519, id.Recipient(), "keys.txt", "bad): line 2: malformed age identity", "missing",
		"SOPS_AGE_SSH_PRIVATE_KEY_CMD: the SSH key that the command prints has a passphrase", "running false: exit status 1",
		"id_rsa: unsupported SSH private key", "; nothing at ", "id_ed25519, SOPS_AGE_KEY"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if leaks(err.Error(), secret) {
		t.Errorf("the error shows the key")
	}
}

func TestCommands(t *testing.T) {
	m, id := newMachine(t), mustNew(t, false)
	secret := mustReveal(t, id)
	out := filepath.Join(m.dir, "env")
	t.Setenv("SOPS_AGE_KEY", secret)
	t.Setenv("SOPS_AGE_KEY_CMD", "x")
	script := m.write("script", "env > "+out+"\necho called >> "+out+".count\necho "+secret+"\n")
	m.env["SOPS_AGE_KEY_CMD"] = "sh " + script
	ring := keys.Discover(m.opts)
	if locked := ring.Locked(); len(locked) != 1 || locked[0].Needs != "command" || locked[0].Source.String() != "SOPS_AGE_KEY_CMD" {
		t.Errorf("got locked %v", locked)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("the command ran before it was needed")
	}
	enc, err := keys.Wrap(id.Recipient(), make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := ring.Unwrap(id.Recipient(), enc); err != nil {
			t.Fatal(err)
		}
	}
	env := string(mustRead(t, out))
	if !strings.Contains(env, "SOPS_AGE_RECIPIENT="+id.Recipient()+"\n") {
		t.Error("the command was not told the recipient")
	}
	if leaks(env, secret) || strings.Contains(env, "SOPS_AGE_KEY_CMD=") {
		t.Error("the command inherited an identity")
	}
	if got := string(mustRead(t, out+".count")); got != "called\n" {
		t.Errorf("the command ran %d times", strings.Count(got, "called"))
	}
	if len(ring.Locked()) != 0 {
		t.Error("the command still counts as locked")
	}
}

func TestCommandDeadline(t *testing.T) {
	m := newMachine(t)
	m.opts.Timeout = 200 * time.Millisecond
	m.env["SOPS_AGE_KEY_CMD"] = "sh -c 'sleep 60; true'"
	start := time.Now()
	err := m.opens(someX25519)
	if err == nil || !strings.Contains(err.Error(), "sh did not answer within 200ms") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A daemon that keeps the command's output open does not hold us up, nor is
// what the command printed lost.
func TestCommandLeavesADaemon(t *testing.T) {
	m, id := newMachine(t), mustNew(t, false)
	script := m.write("script", "sleep 30 &\necho "+mustReveal(t, id)+"\n")
	m.env["SOPS_AGE_KEY_CMD"] = "sh " + script
	start := time.Now()
	if err := m.opens(id.Recipient()); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestAddSource(t *testing.T) {
	id, ring := mustNew(t, false), keys.NewRing()
	var sought []string
	ring.AddSource("the vault", "vault", func(recipient string) ([]*keys.Identity, error) {
		sought = append(sought, recipient)
		if recipient != id.Recipient() {
			return nil, errors.New("no such entry")
		}
		return []*keys.Identity{id}, nil
	})
	for _, recipient := range []string{someX25519, id.Recipient(), id.Recipient()} {
		enc, err := keys.Wrap(recipient, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		_, err = ring.Unwrap(recipient, enc)
		if (err == nil) != (recipient == id.Recipient()) {
			t.Errorf("got %v", err)
		}
		if err != nil && !strings.Contains(err.Error(), "the vault: no such entry") {
			t.Errorf("got %v", err)
		}
	}
	if fmt.Sprint(sought) != fmt.Sprint([]string{someX25519, id.Recipient()}) {
		t.Errorf("sought %q", sought)
	}
}

func TestChildEnv(t *testing.T) {
	env := []string{"A=1", "SOPS_AGE_KEY=x", "SOPS_AGE_KEY_FILE=/k", "SOPS_AGE_KEY_CMD=x", "SOPS_AGE_SSH_PRIVATE_KEY_CMD=x", "SOPS_AGE_KEYS=1"}
	if got := fmt.Sprint(keys.ChildEnv(env)); got != "[A=1 SOPS_AGE_KEY_FILE=/k SOPS_AGE_KEYS=1]" {
		t.Errorf("got %s", got)
	}
	if env[1] != "SOPS_AGE_KEY=x" {
		t.Error("the argument was changed")
	}
}
