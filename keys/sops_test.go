package keys_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keyreeve/keys"
	"keyreeve/test/peers"
)

// sops runs the real sops with the machine's environment and home alone.
func (m *machine) sops(args ...string) (string, error) {
	m.t.Helper()
	cmd := exec.Command(peers.Sops(m.t), append([]string{"--disable-version-check"}, args...)...)
	cmd.Env = []string{"HOME=" + m.opts.Home, "PATH=/usr/bin:/bin"}
	for name, value := range m.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	return string(out), err
}

// sopsDocument returns a document encrypted by the real sops, and its enc.
func (m *machine) sopsDocument(recipient string) (path, enc string) {
	m.t.Helper()
	plain := m.write("plain.json", `{"a":"b"}`)
	out, err := m.sops("encrypt", "--age", recipient, plain)
	if err != nil {
		m.t.Fatalf("sops encrypt: %v", err)
	}
	var doc struct {
		Sops struct {
			Age []struct{ Recipient, Enc string }
		}
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || len(doc.Sops.Age) != 1 {
		m.t.Fatalf("%v in %s", err, out)
	}
	return m.write("doc.json", out), doc.Sops.Age[0].Enc
}

// For each source of identities, what sops wrapped opens where sops opens it,
// and not where sops does not, but for what Discover documents as more.
func TestSopsAgrees(t *testing.T) {
	id := mustNew(t, false)
	secret := mustReveal(t, id)
	hybrid := mustNew(t, true)
	ed, rsa := sshKey(t, "ed25519", ""), sshKey(t, "rsa", "", "-b", "2048")
	tests := []struct {
		name      string
		recipient string
		setup     func(m *machine)
		ok        bool
		more      bool // only keyreeve opens it
	}{
		{name: "nothing", recipient: id.Recipient(), setup: func(m *machine) {}},
		{name: "env", recipient: id.Recipient(), ok: true, setup: func(m *machine) { m.env["SOPS_AGE_KEY"] = secret }},
		{name: "env, several", recipient: id.Recipient(), ok: true, setup: func(m *machine) {
			m.env["SOPS_AGE_KEY"] = mustReveal(t, hybrid) + "  " + secret + "\n"
		}},
		{name: "env, one broken", recipient: id.Recipient(), setup: func(m *machine) { m.env["SOPS_AGE_KEY"] = secret + " x" }},
		{name: "hybrid", recipient: hybrid.Recipient(), ok: true, setup: func(m *machine) { m.env["SOPS_AGE_KEY"] = mustReveal(t, hybrid) }},
		{name: "file", recipient: id.Recipient(), ok: true, setup: func(m *machine) {
			m.env["SOPS_AGE_KEY_FILE"] = m.write("k", "# x\r\n"+secret+"\r\n")
		}},
		{name: "file, several on a line", recipient: id.Recipient(), setup: func(m *machine) {
			m.env["SOPS_AGE_KEY_FILE"] = m.write("k", secret+" "+secret)
		}},
		{name: "file, blank before", recipient: id.Recipient(), setup: func(m *machine) { m.env["SOPS_AGE_KEY_FILE"] = m.write("k", " "+secret) }},
		{name: "file, blank before comment", recipient: id.Recipient(), setup: func(m *machine) { m.env["SOPS_AGE_KEY_FILE"] = m.write("k", " # x\n"+secret) }},
		{name: "command", recipient: id.Recipient(), ok: true, setup: func(m *machine) {
			m.env["SOPS_AGE_KEY_CMD"] = `cat "` + m.write("a b", secret) + `" # x`
		}},
		{name: "command, by recipient", recipient: id.Recipient(), ok: true, setup: func(m *machine) {
			m.write(id.Recipient(), secret)
			m.env["SOPS_AGE_KEY_CMD"] = `sh -c 'cat ` + m.dir + `/$SOPS_AGE_RECIPIENT'`
		}},
		{name: "command, failing, and a file", recipient: id.Recipient(), ok: true, setup: func(m *machine) {
			m.env["SOPS_AGE_KEY_CMD"] = "false"
			m.env["SOPS_AGE_KEY_FILE"] = m.write("k", secret)
		}},
		{name: "keys.txt", recipient: id.Recipient(), ok: true, setup: func(m *machine) { m.write("home/.config/sops/age/keys.txt", secret) }},
		{name: "keys.txt in XDG_CONFIG_HOME", recipient: id.Recipient(), ok: true, setup: func(m *machine) {
			m.env["XDG_CONFIG_HOME"] = m.dir
			m.write("sops/age/keys.txt", secret)
		}},
		{name: "keys.txt elsewhere", recipient: id.Recipient(), setup: func(m *machine) {
			m.env["XDG_CONFIG_HOME"] = m.dir
			m.write("home/.config/sops/age/keys.txt", secret)
		}},
		{name: "ssh file", recipient: ed.public, ok: true, setup: func(m *machine) { m.env["SOPS_AGE_SSH_PRIVATE_KEY_FILE"] = ed.path }},
		{name: "ssh file, rsa", recipient: rsa.public, ok: true, setup: func(m *machine) { m.env["SOPS_AGE_SSH_PRIVATE_KEY_FILE"] = rsa.path }},
		{name: "ssh command", recipient: ed.public, ok: true, setup: func(m *machine) { m.env["SOPS_AGE_SSH_PRIVATE_KEY_CMD"] = "cat " + ed.path }},
		{name: "id_ed25519", recipient: ed.public, ok: true, setup: func(m *machine) { m.write("home/.ssh/id_ed25519", string(ed.private)) }},
		{name: "id_rsa", recipient: rsa.public, ok: true, setup: func(m *machine) { m.write("home/.ssh/id_rsa", string(rsa.private)) }},
		{name: "id_ed25519, converted", recipient: convert(t, ed.public), ok: true, more: true, setup: func(m *machine) {
			m.write("home/.ssh/id_ed25519", string(ed.private))
		}},
		{name: "ssh key as age key", recipient: ed.public, setup: func(m *machine) { m.env["SOPS_AGE_KEY_FILE"] = ed.path }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMachine(t)
			path, enc := m.sopsDocument(test.recipient)
			test.setup(m)
			_, err := keys.Discover(m.opts).Unwrap(test.recipient, enc)
			if (err == nil) != test.ok {
				t.Errorf("got %v", err)
			}
			if _, err := m.sops("decrypt", path); (err == nil) != (test.ok && !test.more) {
				t.Errorf("sops: %v", err)
			}
		})
	}
}

// sops decrypts a document whose enc is replaced by ours.
func TestSopsReadsWhatIsWrapped(t *testing.T) {
	m, id := newMachine(t), mustNew(t, false)
	m.env["SOPS_AGE_KEY"] = mustReveal(t, id)
	path, enc := m.sopsDocument(id.Recipient())
	ring := keys.Discover(m.opts)
	dataKey, err := ring.Unwrap(id.Recipient(), enc)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := keys.Wrap(id.Recipient(), dataKey)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(ours, "\n") != strings.Count(enc, "\n") || len(ours) != len(enc) {
		t.Errorf("the form differs from sops':\n%s\n%s", ours, enc)
	}
	text := strings.ReplaceAll(string(mustRead(t, path)), quoted(t, enc), quoted(t, ours))
	if !strings.Contains(text, quoted(t, ours)) {
		t.Fatal("enc was not replaced")
	}
	mustWrite(t, filepath.Join(m.dir, "doc.json"), text)
	if out, err := m.sops("decrypt", path); err != nil || !strings.Contains(out, `"b"`) {
		t.Errorf("sops: %q, %v", out, err)
	}
}

func quoted(t *testing.T, s string) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
