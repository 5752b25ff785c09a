package keys_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"keyreeve/keys"
)

// TestMain lets the test binary be other programs, by its name: those of the
// prompt tests, and the plugins age-plugin-echo, whose stanzas hold the file key
// as it is; age-plugin-ask, which asks for a PIN first; age-plugin-two, which
// makes two stanzas; and age-plugin-hang.
func TestMain(m *testing.M) {
	program := filepath.Base(os.Args[0])
	name, isPlugin := strings.CutPrefix(program, "age-plugin-")
	switch {
	case program == "ask-terminal":
		askTerminal()
		os.Exit(0)
	case program == "pinentry-fake":
		fakePinentry()
		os.Exit(0)
	case !isPlugin:
		os.Exit(m.Run())
	}
	if log := os.Getenv("PLUGIN_ENV_LOG"); log != "" {
		_ = os.WriteFile(log, []byte(strings.Join(os.Environ(), "\n")), 0o600)
	}
	if name == "hang" {
		time.Sleep(time.Hour)
	}
	p, err := plugin.New(name)
	if err != nil {
		os.Exit(1)
	}
	e := echo{name: name, plugin: p}
	p.HandleRecipient(func([]byte) (age.Recipient, error) { return e, nil })
	p.HandleIdentity(func([]byte) (age.Identity, error) { return e, nil })
	os.Exit(p.Main())
}

type echo struct {
	name   string
	plugin *plugin.Plugin
}

func (e echo) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	s := &age.Stanza{Type: "echo", Args: []string{e.name}, Body: fileKey}
	if e.name == "two" {
		return []*age.Stanza{s, s}, nil
	}
	return []*age.Stanza{s}, nil
}

func (e echo) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if stanzas[0].Type != "echo" || stanzas[0].Args[0] != e.name {
		return nil, age.ErrIncorrectIdentity
	}
	if e.name == "ask" {
		pin, err := e.plugin.RequestValue("PIN, \x1b[2Jplease", true)
		if err != nil || pin != "1234" {
			return nil, errors.New("wrong PIN")
		}
	}
	return stanzas[0].Body, nil
}

// installPlugins puts the plugins on PATH.
func installPlugins(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"echo", "ask", "two", "hang"} {
		linkSelf(t, filepath.Join(dir, "age-plugin-"+name))
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// linkSelf makes path the test binary under another name.
func linkSelf(t *testing.T, path string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPlugins(t *testing.T) {
	installPlugins(t)
	dataKey := []byte("0123456789abcdef0123456789abcdef")
	log := filepath.Join(t.TempDir(), "env")
	t.Setenv("PLUGIN_ENV_LOG", log)
	secret := mustReveal(t, mustNew(t, false))
	t.Setenv("SOPS_AGE_KEY", secret)
	t.Setenv("AGEDEBUG", "plugin")

	recipient := plugin.EncodeRecipient("echo", []byte("r"))
	enc, err := keys.Wrap(recipient, dataKey)
	if err != nil {
		t.Fatal(err)
	}
	if types, err := keys.Inspect(enc); err != nil || len(types) != 1 || types[0] != "echo" {
		t.Errorf("got %q, %v", types, err)
	}
	ids, err := keys.ParseIdentities([]byte(plugin.EncodeIdentity("echo", []byte("i"))), "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	ring := keys.NewRing(ids...)
	if got, err := ring.Unwrap(recipient, enc); err != nil || !bytes.Equal(got, dataKey) {
		t.Errorf("got %q, %v", got, err)
	}
	none := new(keys.NoIdentityError)
	if _, err := ring.UnwrapQuietly(recipient, enc); !errors.As(err, &none) {
		t.Errorf("a plugin was started quietly: %v", err)
	}
	if env := string(mustRead(t, log)); leaks(env, secret) || strings.Contains(env, "SOPS_AGE_KEY=") {
		t.Error("the plugin inherited an identity")
	}
	if os.Getenv("SOPS_AGE_KEY") != secret || os.Getenv("AGEDEBUG") != "plugin" {
		t.Error("the environment was not put back")
	}
	if _, err := keys.Wrap(plugin.EncodeRecipient("two", nil), dataKey); err == nil || !strings.Contains(err.Error(), "2 stanzas") {
		t.Errorf("two stanzas were taken: %v", err)
	}
	if _, err := keys.Wrap(plugin.EncodeRecipient("missing", nil), dataKey); err == nil || !strings.Contains(err.Error(), `"missing" plugin not found`) {
		t.Errorf("got %v", err)
	}
}

func TestPluginAsks(t *testing.T) {
	installPlugins(t)
	recipient := plugin.EncodeRecipient("ask", []byte("r"))
	enc, err := keys.Wrap(recipient, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	key := []byte(plugin.EncodeIdentity("ask", nil))
	var asked string
	// Asking takes longer than the plugin may.
	options := keys.Options{Home: t.TempDir(), Timeout: 2 * time.Second, Getenv: func(name string) string {
		return map[string]string{"SOPS_AGE_KEY": string(key)}[name]
	}, Prompt: func(message string) ([]byte, error) {
		asked = message
		time.Sleep(2500 * time.Millisecond)
		return []byte("1234"), nil
	}}
	if _, err := keys.Discover(options).Unwrap(recipient, enc); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(asked, "age-plugin-ask: PIN") || strings.Contains(asked, "\x1b") {
		t.Errorf("asked %q", asked)
	}
	none := new(keys.NoIdentityError)
	options.Prompt = nil
	if _, err := keys.Discover(options).Unwrap(recipient, enc); !errors.As(err, &none) || len(none.Tried) != 1 || none.Tried[0].Err == nil {
		t.Errorf("got %v", err)
	}
}

func TestPluginDeadline(t *testing.T) {
	installPlugins(t)
	enc, err := keys.Wrap(mustNew(t, false).Recipient(), make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	secret := plugin.EncodeIdentity("hang", nil)
	t.Setenv("SOPS_AGE_KEY", secret)
	start := time.Now()
	ring := keys.Discover(keys.Options{Home: t.TempDir(), Timeout: 200 * time.Millisecond})
	_, err = ring.Unwrap(someX25519, enc)
	none := new(keys.NoIdentityError)
	if !errors.As(err, &none) || !strings.Contains(err.Error(), "age-plugin-hang did not answer within 200ms") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if os.Getenv("SOPS_AGE_KEY") != secret {
		t.Error("the environment was not put back")
	}
}
