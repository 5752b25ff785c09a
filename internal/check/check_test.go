package check_test

import (
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"keyreeve/fleet"
	"keyreeve/internal/check"
	"keyreeve/internal/lockstep"
	"keyreeve/keys"
	"keyreeve/sops"
)

// A place is a fleet of one admin, one host and a recovery recipient, with the
// document secrets/common/app.yaml, in which nothing is wrong.
type place struct {
	t                 *testing.T
	dir               string
	tim, potato, safe string
}

const app = "secrets/common/app.yaml"

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir(), tim: newRecipient(t), potato: newRecipient(t), safe: newRecipient(t)}
	inv := fleet.New()
	must(t, inv.AddUser(fleet.User{Name: "tim", Admin: true, Recipients: []fleet.NamedRecipient{{Name: "key", Recipient: p.tim}}}))
	must(t, inv.AddHost(fleet.Host{Name: "potato", Recipients: []fleet.NamedRecipient{{Name: "host", Recipient: p.potato}}}))
	must(t, inv.AddRecovery("safe", p.safe))
	p.inventory(inv.Bytes())
	p.document(app, func(*sops.Document) {})
	return p
}

func newRecipient(t *testing.T) string {
	id, err := keys.New(false)
	must(t, err)
	return id.Recipient()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *place) write(name string, data []byte) {
	p.t.Helper()
	name = filepath.Join(p.dir, name)
	must(p.t, os.MkdirAll(filepath.Dir(name), 0o700))
	must(p.t, os.WriteFile(name, data, 0o600))
}

// inventory writes the inventory and the .sops.yaml that goes with it.
func (p *place) inventory(data []byte) {
	p.t.Helper()
	inv, _ := fleet.Parse("keyreeve.yaml", data)
	config, err := inv.SopsYAML(nil)
	must(p.t, err)
	p.write("keyreeve.yaml", data)
	p.write(".sops.yaml", config)
}

// document writes a document of two values that is as policy says, but for what
// change does before it is sealed.
func (p *place) document(name string, change func(*sops.Document)) {
	p.t.Helper()
	d, err := sops.ParsePlain([]byte("a: one\nb: two\n"), sops.YAML)
	must(p.t, err)
	must(p.t, d.SetRecipients([][]string{{p.tim, p.potato, p.safe}}, 0))
	change(d)
	must(p.t, d.Wrap(new(keys.Wrapper).Wrap))
	sealed, err := d.Seal(time.Unix(0, 0))
	must(p.t, err)
	p.write(name, sealed)
}

func (p *place) recipients(groups ...[]string) func(*sops.Document) {
	return func(d *sops.Document) { must(p.t, d.SetRecipients(groups, 0)) }
}

// edit changes the text of the document.
func (p *place) edit(old, text string) {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, app))
	must(p.t, err)
	changed := regexp.MustCompile(old).ReplaceAll(data, []byte(text))
	if bytes.Equal(data, changed) {
		p.t.Fatalf("%q is not in the document", old)
	}
	p.write(app, changed)
}

func (p *place) git(args ...string) {
	p.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...)
	cmd.Dir = p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (p *place) commit() {
	p.git("init", "-q")
	p.git("add", "-A")
	p.git("commit", "-qm", "one")
}

func (p *place) findings(paths ...string) []check.Finding {
	p.t.Helper()
	s, err := lockstep.Open(p.dir, nil)
	must(p.t, err)
	found, _, err := check.Files(context.Background(), s, paths)
	must(p.t, err)
	return found
}

// twoStanzas is a data key wrapped for two recipients under one name.
func twoStanzas(t *testing.T) string {
	var buf bytes.Buffer
	a := armor.NewWriter(&buf)
	var recipients []age.Recipient
	for range 2 {
		id, err := age.GenerateX25519Identity()
		must(t, err)
		recipients = append(recipients, id.Recipient())
	}
	w, err := age.Encrypt(a, recipients...)
	must(t, err)
	_, err = w.Write(make([]byte, 32))
	must(t, err)
	must(t, w.Close())
	must(t, a.Close())
	return strings.ReplaceAll(strings.TrimSpace(buf.String()), "\n", "\n              ")
}

// cases make one finding each.
var cases = map[string]func(*place){
	check.CodeSopsConfig: func(p *place) { p.write(".sops.yaml", nil) },
	check.CodeUnreadable: func(p *place) { p.write(app, []byte("a: [\nsops:\n")) },
	check.CodeUncovered:  func(p *place) { p.document("secrets/nowhere/a.yaml", func(*sops.Document) {}) },
	check.CodeStranger:   func(p *place) { p.document(app, p.recipients([]string{p.tim, p.potato, p.safe, newRecipient(p.t)})) },
	check.CodeMissing:    func(p *place) { p.document(app, p.recipients([]string{p.tim, p.safe})) },
	check.CodePlaintext:  func(p *place) { p.write(app, []byte("a: 1\n")) },
	check.CodeNoMAC:      func(p *place) { p.edit(`(?m)^    mac: .*\n`, "") },
	check.CodeWrapped: func(p *place) {
		p.edit(`(?s)-----BEGIN AGE ENCRYPTED FILE-----.*?-----END AGE ENCRYPTED FILE-----`, twoStanzas(p.t))
	},
	check.CodeTwice: func(p *place) { p.document(app, p.recipients([]string{p.tim, p.potato, p.safe, p.tim})) },
	check.CodeGroups: func(p *place) {
		p.document(app, p.recipients([]string{p.tim, p.potato}, []string{p.safe}))
	},
	check.CodeSelection: func(p *place) {
		p.document(app, func(d *sops.Document) { d.Metadata.Selection = sops.Selection{EncryptedRegex: "^a$"} })
	},
	check.CodeDataKey: func(p *place) {
		p.commit()
		p.document(app, func(*sops.Document) {})
	},
	check.CodeLink:    func(p *place) { must(p.t, os.Symlink("app.yaml", filepath.Join(p.dir, "secrets/common/l.yaml"))) },
	check.CodeName:    func(p *place) { p.document("secrets/common/a b.yaml", func(*sops.Document) {}) },
	check.CodeNoAge:   func(p *place) { p.edit(`recipient: age1`, "recipient: age2") },
	check.CodeForeign: func(p *place) { p.edit(`(?m)^sops:\n`, "sops:\n    pgp:\n        - fp: ABCD\n          enc: x\n") },
	check.CodeClear:   func(p *place) { p.edit(`(?m)^a: .*`, "a: clear") },
}

func TestNothingToReport(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.commit()
	if found := p.findings(); len(found) > 0 {
		t.Errorf("%+v", found)
	}
}

func TestEachFinding(t *testing.T) {
	for code, breaks := range cases {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			breaks(p)
			for _, f := range p.findings() {
				if f.Message == "" || f.Fix == "" || f.File == "" || f.Severity != "error" && f.Severity != "warning" {
					t.Errorf("incomplete: %+v", f)
				}
				if f.Code == code {
					return
				}
			}
			t.Errorf("not reported: %+v", p.findings())
		})
	}
}

// Every code that the package names has a case above.
func TestEachCodeHasACase(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "check.go", nil, 0)
	must(t, err)
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		must(t, err)
		codes++
		if cases[code] == nil {
			t.Errorf("%s has no case", code)
		}
		return true
	})
	if codes != len(cases) {
		t.Errorf("%d codes, %d cases", codes, len(cases))
	}
}

func TestDataKeyWithAnExplanation(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.document("secrets/common/one.yaml", func(*sops.Document) {})
	p.commit()
	p.document(app, p.recipients([]string{p.tim, p.safe})) // somebody was removed
	for _, f := range p.findings() {
		if f.Code == check.CodeDataKey {
			t.Errorf("%+v", f)
		}
	}
	p.edit(`(?m)^a: .*`, "a: x") // and a value that changed alone
	for _, f := range p.findings() {
		if f.Code == check.CodeDataKey {
			t.Errorf("%+v", f)
		}
	}
}

func TestPathsNarrow(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(app, []byte("a: 1\n"))
	p.write("secrets/potato/b.yaml", []byte("a: 1\n"))
	p.write(".sops.yaml", nil)
	for path, want := range map[string]int{"": 3, "secrets": 2, "secrets/common": 1, app: 1, "secrets/comm": 0, ".sops.yaml": 1} {
		var paths []string
		if path != "" {
			paths = append(paths, path)
		}
		if found := p.findings(paths...); len(found) != want {
			t.Errorf("%q: %+v, want %d", path, found, want)
		}
	}
}

func TestSort(t *testing.T) {
	found := []check.Finding{{File: "b", Code: "KR102"}, {File: "a", Line: 2, Code: "KR001"}, {File: "b", Code: "KR101"}, {File: "a", Line: 1, Code: "KR002"}}
	check.Sort(found)
	var order []string
	for _, f := range found {
		order = append(order, f.File+f.Code)
	}
	if got := strings.Join(order, " "); got != "aKR002 aKR001 bKR101 bKR102" {
		t.Error(got)
	}
}
