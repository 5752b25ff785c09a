package sops_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"keyreeve/sops"
	"keyreeve/test/peers"
)

// peer is one age identity and a directory in which the real sops runs.
type peer struct {
	t        *testing.T
	dir      string
	identity *age.X25519Identity
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return &peer{t: t, dir: t.TempDir(), identity: identity}
}

func (p *peer) recipient() string { return p.identity.Recipient().String() }

// sops runs the real program on name, which holds data, and returns stdout.
func (p *peer) sops(name string, data []byte, args ...string) []byte {
	p.t.Helper()
	out, err := p.try(name, data, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// try is sops where the program may refuse.
func (p *peer) try(name string, data []byte, args ...string) ([]byte, error) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(peers.Sops(p.t), append(args, path)...)
	cmd.Dir = p.dir
	cmd.Env = []string{"HOME=" + p.dir, "SOPS_AGE_KEY=" + p.identity.String()}
	if _, err := os.Stat(filepath.Join(p.dir, ".sops.yaml")); err != nil {
		cmd.Env = append(cmd.Env, "SOPS_AGE_RECIPIENTS="+p.recipient())
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("sops %v: %w\n%s", args, err, stderr.String())
	}
	return out, nil
}

func (p *peer) unwrap(_, enc string) ([]byte, error) {
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(enc)), p.identity)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = out.ReadFrom(r)
	return out.Bytes(), err
}

func wrap(recipient string, key []byte) (string, error) {
	r, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	a := armor.NewWriter(&out)
	w, err := age.Encrypt(a, r)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(key); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	err = a.Close()
	return out.String(), err
}

func (p *peer) open(data []byte, format sops.Format) *sops.Document {
	p.t.Helper()
	d, err := sops.Parse(data, format)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := d.Unlock(p.unwrap); err != nil {
		p.t.Fatal(err)
	}
	if err := d.Decrypt(sops.DecryptOptions{}); err != nil {
		p.t.Fatal(err)
	}
	return d
}

func (p *peer) seal(plain []byte, format sops.Format) []byte {
	p.t.Helper()
	sealed, err := p.trySeal(plain, format, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return sealed
}

// trySeal seals a document that prepare has changed.
func (p *peer) trySeal(plain []byte, format sops.Format, prepare func(*sops.Document)) ([]byte, error) {
	p.t.Helper()
	d, err := sops.ParsePlain(plain, format)
	if err != nil {
		p.t.Fatal(err)
	}
	if prepare != nil {
		prepare(d)
	}
	if err := d.SetRecipients([][]string{{p.recipient()}}, 0); err != nil {
		p.t.Fatal(err)
	}
	if err := d.Wrap(wrap); err != nil {
		p.t.Fatal(err)
	}
	return d.Seal(time.Unix(1_700_000_000, 0))
}

func decryptWith(p *peer, data []byte) ([]byte, error) {
	d, err := sops.Parse(data, sops.YAML)
	if err != nil {
		return nil, err
	}
	if err := d.Unlock(p.unwrap); err != nil {
		return nil, err
	}
	if err := d.Decrypt(sops.DecryptOptions{}); err != nil {
		return nil, err
	}
	return d.Plain(sops.YAML)
}

func encryptWith(p *peer, data []byte) ([]byte, error) {
	d, err := sops.ParsePlain(data, sops.YAML)
	if err != nil {
		return nil, err
	}
	if err := d.SetRecipients([][]string{{p.recipient()}}, 0); err != nil {
		return nil, err
	}
	if err := d.Wrap(wrap); err != nil {
		return nil, err
	}
	return d.Seal(time.Now())
}

var samples = map[string]string{
	"all.yaml": `# head
a: hello
b: 12
c: 1.5
d: true
t: 2001-12-14
n: null
e: ""
# about f
f:
    - x # inline
    - y
    # c in list
    - z: 1
g:
    h: |
        multi
        line
    i_unencrypted: plain
    j_unencrypted: 1.0
"yes": "no"
empty: {}
none: []
u: "ümlaut \U0001F600"
base: &base {k: v}
copy: *base
big: 9223372036854775807
exp: 6.02e23
`,
	"two.yaml":   "a: 1\n---\nb: two\n",
	"all.json":   `{"a":"x<y>","b":9223372036854775807,"c":1.0,"d":[true,null,{"e":""}],"a":"twice","f":{},"g_unencrypted":-0}`,
	"all.env":    "# c\nA=1\nB=x=y\nC=a\\nb\nA=again\nE=\n",
	"all.ini":    "; top\ng = 1\n[s]\n; about k\nk = v\nl = 2\n[t]\nm = x y\n",
	"all.bin":    "\x00\xff binary\nbytes",
	"merge.yaml": "d: &d {x: 1}\ne:\n    <<: *d\n    y: 2\n",
}

// What the real sops encrypted, we decrypt to the bytes that it decrypts to.
func TestReadsWhatSopsWrote(t *testing.T) {
	t.Parallel()
	for name, plain := range samples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			format := sops.FormatOf(name)
			encrypted := p.sops(name, []byte(plain), "encrypt")
			want := p.sops(name, encrypted, "decrypt")
			got, err := p.open(encrypted, format).Plain(format)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got:\n%s\nsops:\n%s", got, want)
			}
		})
	}
}

// What we encrypted, the real sops decrypts to the bytes that it gets from its
// own encryption; and the layout around the ciphertext is the same.
func TestSopsReadsWhatWeWrote(t *testing.T) {
	t.Parallel()
	for name, plain := range samples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			format := sops.FormatOf(name)
			theirs := p.sops(name, []byte(plain), "encrypt")
			ours := p.seal([]byte(plain), format)
			if a, b := skeleton(ours), skeleton(theirs); a != b {
				t.Errorf("layout differs, ours:\n%s\nsops:\n%s", a, b)
			}
			want := p.sops(name, theirs, "decrypt")
			if got := p.sops(name, ours, "decrypt"); !bytes.Equal(got, want) {
				t.Errorf("got:\n%s\nsops:\n%s", got, want)
			}
		})
	}
}

// skeleton blanks what differs between two encryptions of one tree.
func skeleton(data []byte) string {
	lines := strings.Split(string(data), "\n")
	var out []string
	for _, line := range lines {
		if i := strings.Index(line, "BEGIN AGE"); i >= 0 && strings.Contains(line, `END AGE`) {
			line = line[:i]
		}
		if strings.Contains(line, "lastmodified") {
			line = "lastmodified"
		}
		for {
			start := strings.Index(line, "ENC[")
			end := strings.Index(line, ",type:")
			if start < 0 || end < start {
				break
			}
			line = line[:start] + "<" + line[end+len(",type:"):]
		}
		if isArmorBody(line) {
			continue
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func isArmorBody(line string) bool {
	body := strings.TrimSpace(line)
	return len(body) > 20 && !strings.ContainsAny(body, " :<-") || strings.HasSuffix(body, "==")
}

// An edit leaves the ciphertext of other entries alone, and sops reads the
// result.
func TestEditKeepsCiphertext(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	encrypted := p.sops("all.yaml", []byte(samples["all.yaml"]), "encrypt")
	d := p.open(encrypted, sops.YAML)
	if _, err := d.Set(0, []string{"g", "h"}, sops.StringNode("new"), sops.SetOptions{}); err != nil {
		t.Fatal(err)
	}
	edited, err := d.Seal(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	before := strings.Split(string(encrypted), "\n")
	after := strings.Split(string(edited), "\n")
	if len(before) != len(after) {
		t.Fatalf("%d lines became %d", len(before), len(after))
	}
	for i := range before {
		if before[i] != after[i] && !strings.Contains(before[i], "lastmodified") && !strings.Contains(before[i], "mac:") {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d lines of values changed, want 1", changed)
	}
	if out := p.sops("all.yaml", edited, "decrypt", "--extract", `["g"]["h"]`); string(out) != "new" {
		t.Errorf("sops reads %q", out)
	}
}

// A tampered document yields no plaintext.
func TestTamperingIsRefused(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	sealed := string(p.seal([]byte("a: one\nb: two\nc_unencrypted: three\n"), sops.YAML))
	lines := strings.SplitAfter(sealed, "\n")
	flip := strings.Index(sealed, "data:") + len("data:")
	flipped := []byte(sealed)
	flipped[flip] ^= 1
	tampered := map[string]string{
		"flipped byte":      string(flipped),
		"swapped values":    "a" + lines[1][1:] + "b" + lines[0][1:] + strings.Join(lines[2:], ""),
		"deleted value":     strings.Join(lines[1:], ""),
		"added value":       "d_unencrypted: x\n" + sealed,
		"plaintext value":   "a: one\n" + strings.Join(lines[1:], ""),
		"changed plaintext": strings.Replace(sealed, "three", "four", 1),
		"changed time":      strings.Replace(sealed, "2023-11-14", "2023-11-15", 1),
		"no mac":            strings.Replace(sealed, "    mac: ", "    mac2: ", 1),
	}
	for name, text := range tampered {
		d, err := sops.Parse([]byte(text), sops.YAML)
		if err == nil {
			if err = d.Unlock(p.unwrap); err == nil {
				err = d.Decrypt(sops.DecryptOptions{})
			}
		}
		var integrity *sops.IntegrityError
		if !asIntegrity(err, &integrity) {
			t.Errorf("%s: got %v, want an integrity error", name, err)
		}
		if d != nil && d.Verified() {
			t.Errorf("%s: the document counts as verified", name)
		}
	}
}

func asIntegrity(err error, target **sops.IntegrityError) bool { return errors.As(err, target) }

// Any two groups of three open a document that sops split among them, and the
// reverse.
func TestShamirGroups(t *testing.T) {
	t.Parallel()
	members := []*peer{newPeer(t), newPeer(t), newPeer(t)}
	d, err := sops.ParsePlain([]byte("a: x\n"), sops.YAML)
	if err != nil {
		t.Fatal(err)
	}
	groups := [][]string{{members[0].recipient()}, {members[1].recipient()}, {members[2].recipient()}}
	if err := d.SetRecipients(groups, 2); err != nil {
		t.Fatal(err)
	}
	if err := d.Wrap(wrap); err != nil {
		t.Fatal(err)
	}
	sealed, err := d.Seal(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	locked, err := sops.Parse(sealed, sops.YAML)
	if err != nil {
		t.Fatal(err)
	}
	if err := locked.Unlock(members[0].unwrap); err == nil {
		t.Error("one share of two opens the document")
	}
	two := &peer{t: t, dir: t.TempDir(), identity: members[2].identity}
	cmd := exec.Command(peers.Sops(t), "decrypt", "--input-type", "yaml", "--output-type", "yaml", "/dev/stdin")
	cmd.Stdin = bytes.NewReader(sealed)
	cmd.Env = []string{"HOME=" + two.dir, "SOPS_AGE_KEY=" + members[0].identity.String() + "\n" + members[2].identity.String()}
	out, err := cmd.Output()
	if err != nil || string(out) != "a: x\n" {
		t.Errorf("sops reads %q, %v", out, err)
	}
}
