package sops_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"keyreeve/sops"
)

// configure writes the .sops.yaml that the real sops reads in p's directory.
func (p *peer) configure(rule, stores string) {
	p.t.Helper()
	text := fmt.Sprintf("creation_rules:\n  - age: %s\n", p.recipient())
	if rule != "" {
		text += "    " + rule + "\n"
	}
	if stores != "" {
		text += "stores: " + stores + "\n"
	}
	if err := os.WriteFile(filepath.Join(p.dir, ".sops.yaml"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// agree checks that sops and we read each other's encryption of one plaintext
// alike, and lay it out alike. It reports false where both fail: the emitters
// write some documents so that they cannot be read again, which sops notices
// when decrypting and we when sealing.
func (p *peer) agree(name, plain string, prepare func(*sops.Document)) bool {
	p.t.Helper()
	format := sops.FormatOf(name)
	theirs := p.sops(name, []byte(plain), "encrypt")
	ours, err := p.trySeal([]byte(plain), format, prepare)
	if err != nil {
		if _, sopsErr := p.try(name, theirs, "decrypt"); sopsErr == nil {
			p.t.Errorf("sops reads back what we refuse to seal: %v", err)
		}
		return false
	}
	if a, b := skeleton(ours), skeleton(theirs); a != b {
		p.t.Errorf("layout differs, ours:\n%s\nsops:\n%s", a, b)
	}
	want := p.sops(name, theirs, "decrypt")
	got, err := p.openWith(theirs, format, prepare).Plain(format)
	if err != nil || !bytes.Equal(got, want) {
		p.t.Errorf("we read what sops wrote as:\n%s\n%v\nsops:\n%s", got, err, want)
	}
	if got := p.sops(name, ours, "decrypt"); !bytes.Equal(got, want) {
		p.t.Errorf("sops reads what we wrote as:\n%s\nand its own as:\n%s", got, want)
	}
	return true
}

func (p *peer) openWith(data []byte, format sops.Format, prepare func(*sops.Document)) *sops.Document {
	p.t.Helper()
	d := p.open(data, format)
	if prepare != nil {
		indent := *d
		prepare(&indent)
		d.Indent = indent.Indent
	}
	return d
}

const selectable = `# plain about a
a: one
a_secret: two
a_unencrypted: 3
deep:
    # secret below
    b: four # secret inline
    c_secret: {d: five, e: [6, seven]}
    f_unencrypted:
        g: 8.5
        h: true
list:
    - i
    # plain item
    - j: 2001-12-14
    - k_secret: null
# secret tail
tail: ""
`

// Each selection rule chooses the same values as in sops, under both kinds of
// MAC.
func TestSelectionRules(t *testing.T) {
	t.Parallel()
	rules := map[string]sops.Selection{
		"unencrypted_suffix":        {UnencryptedSuffix: "_unencrypted"},
		"encrypted_suffix":          {EncryptedSuffix: "_secret"},
		"unencrypted_regex":         {UnencryptedRegex: "^(deep|i|b)$"},
		"encrypted_regex":           {EncryptedRegex: "secret|^list$"},
		"unencrypted_comment_regex": {UnencryptedCommentRegex: "plain"},
		"encrypted_comment_regex":   {EncryptedCommentRegex: "secret"},
		"none":                      {},
	}
	for name, rule := range rules {
		for _, onlyEncrypted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %v", name, onlyEncrypted), func(t *testing.T) {
				t.Parallel()
				p := newPeer(t)
				var config []string
				for key, value := range map[string]string{
					"unencrypted_suffix": rule.UnencryptedSuffix, "encrypted_suffix": rule.EncryptedSuffix,
					"unencrypted_regex": rule.UnencryptedRegex, "encrypted_regex": rule.EncryptedRegex,
					"unencrypted_comment_regex": rule.UnencryptedCommentRegex, "encrypted_comment_regex": rule.EncryptedCommentRegex,
				} {
					if value != "" {
						config = append(config, key+": "+value)
					}
				}
				if onlyEncrypted {
					config = append(config, "mac_only_encrypted: true")
				}
				p.configure(strings.Join(config, "\n    "), "")
				p.agree("a.yaml", selectable, func(d *sops.Document) {
					d.Metadata.Selection, d.Metadata.MACOnlyEncrypted = rule, onlyEncrypted
				})
			})
		}
	}
}

// The traps of the format, and other cases written by hand.
var handWritten = map[string]string{
	"empty string.yaml":      "e: \"\"\nf: ''\n",
	"list path.yaml":         "l: [x]\nm:\n    - - a\n      - b\n    - c: d\n",
	"floats.yaml":            "a: 1.0\nb: 1e3\nc: .5\nd: 6.02e23\ne: 1e21\nf: -0.0\ng: 0.1\nh: 1e-7\ni: .inf\nj: -.inf\nk: .nan\nl_unencrypted: 1.0\nm_unencrypted: .inf\nn_unencrypted: 1e21\n",
	"bools.yaml":             "a: true\nb: False\nc: yes\nd: on\ne_unencrypted: TRUE\nf: \"true\"\n",
	"ints.yaml":              "a: 017\nb: 0o17\nc: 0x1F\nd: 0b101\ne: 1_000\nf: -9223372036854775808\ng: 18446744073709551616\nh: +5\ni_unencrypted: 0x1F\nj: 190:20:30\n",
	"times.yaml":             "a: 2001-12-14\nb: 2001-12-14t21:59:43.10-05:00\nc: 2001-12-14 21:59:43.123456789 +2\nd: 2001-12-15T02:59:43Z\ne_unencrypted: 2001-12-14\nf: \"2001-12-14\"\ng_unencrypted: 2001-12-14t21:59:43.10-05:00\n",
	"nulls.yaml":             "a: ~\nb:\nc: null\nd: [null, ~]\ne: \"null\"\n",
	"list comments.yaml":     "l:\n    # one\n    - a # c\n    # two\n    # three\n    - b\n    # end\nk: v\n",
	"two.yaml":               "# first\na: 1\n---\n# second\nb: 2\n---\n---\nc: [x]\n# end\n",
	"after nested list.yaml": "a:\n    x: 1\n    b: [1, 2]\nc: 2\n",
	"merges.yaml":            "d: &d {x: 1}\ne:\n    <<: *d\n    y: 2\nf:\n    <<: [*d, {z: 3}]\ng: <<\n",
	"aliases.yaml":           "a: &a [1, {b: c}]\nd: *a\ne: [*a, *a]\nf: &f text\n*f : value\n",
	"blocks.yaml":            "a: |\n    x\n    y\nb: |-\n    x\n\n    y\nc: |+\n    x\n\nd: |4\n      indented\n    less\ne: >\n    folded\n    text\n\n    more\nf: \"tab\\tand \\u00e9 \\U0001F600 \\x07\"\ng: \" lead\"\nh: 'trail '\ni: \"a \\nb\"\nj: \"\\n\"\nk: \"\\nx\"\nl: \"  \\n  x\"\n",
	"unencrypted.yaml":       "a_unencrypted: |\n    x\n    y\nb_unencrypted: \" lead\"\nc_unencrypted: \"# no comment\"\nd_unencrypted: [yes, \"yes\", 'a: b', \"- c\", \"x #y\", \"é\", \"😀\", \"\\t\", \"a\\tb\", \"a \\nb\"]\ne_unencrypted: \"\"\n",
	"keys.yaml":              "\"a b\": 1\n'c: d': 2\n\"# e\": 3\n\"7\": 4\n\"true\": 5\n\"\": 6\n\"é\": 7\n\"😀\": 8\n\"a\\nb\": 9\n? long\n: 10\n\"- f\": 11\n\"y\": 12\n",
	"colons.yaml":            "\"a:b\":\n    c: x\na:\n    \"b:c\": y\n",
	"binary tag.yaml":        "a: !!binary aGVsbG8=\nb: !!str 12\nc: !custom z\nd: !!float 3\ne: !!int \"4\"\n",
	"empty maps.yaml":        "a: {}\nb: []\nc: {d: {}, e: [[], {}]}\n",
	"comments.yaml":          "# head\n\n# head two\na: 1 # inline a\n# foot a\n\n# before b\nb:\n    # in b\n    c: 2\n    # foot c\n\n# before d\nd: [1, 2] # inline d\n# foot\n",
	"empty comment.yaml":     "#\na: 1 #\n# \nb: 2\n",
	"document.yaml":          "%YAML 1.1\n---\na: 1\n...\n",
	"numbers.json":           `{"a":9223372036854775807,"b":-9223372036854775808,"c":9223372036854775808,"d":1.0,"e":1e3,"f":-0,"g":1e21,"h":100000000000000000000,"i":0.1,"j":[1.0,1],"k_unencrypted":1.0,"l":-0.0,"m_unencrypted":1e300}`,
	"twice.json":             `{"a":1,"a":2,"b":{"c":"x","c":"y"}}`,
	"text.json":              `{"a":"<>&\u2028\u2029","b":"\u0000\u001f\"\\/","c":"é😀","d":"","e_unencrypted":"<é>","k<":"v"}`,
	"nested.json":            `{"a":{"b":[[],{},[{}],null,true,"x"]},"c":null,"d":false}`,
	"escapes.env":            "C=a\\nb\nA=\\\\n\nB=\\\\\\n\nD='quoted'\nE= spaced \nF==\nexport G=1\nH\n=x\n",
	"escapes2.env":           "C=a\\nb\nA=\\\\n\nB=\\\\\\n\nD='quoted'\nE= spaced \nF==\nexport G=1\n H =x\n#comment\n# \n#\n\n\nG=\xc3\xa9\n",
	"unencrypted.env":        "A_unencrypted=a\\nb\nB_unencrypted=\nC_unencrypted=x y=z\n",
	"comments.ini":           "; top\n# more\ng = 1\n\n; section\n[s]\n; about k\nk = v ; inline\nl = 2\n# tail\n[t]\nm = x y\n",
	"sections.ini":           "[s]\na = 1\na = 2\n[t]\n[s]\nb = 3\n[\"q\"]\nc = d\n",
	"values.ini":             "a = \"quoted\"\nb = 'single'\nc = `back # tick`\nd = \"\"\"three\nlines\"\"\"\ne = x \\\n  y\nf =\ng : colon\nh_unencrypted = a = b\ni_unencrypted = \"x;y\"\nj = \" lead\"\n\"k=l\" = m\n",
}

func TestHandWritten(t *testing.T) {
	t.Parallel()
	for name, plain := range handWritten {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			if _, err := sops.ParsePlain([]byte(plain), sops.FormatOf(name)); err != nil {
				if out, sopsErr := p.try(name, []byte(plain), "encrypt"); sopsErr == nil {
					t.Fatalf("we refuse what sops takes: %v\n%s", err, out)
				}
				return
			}
			p.agree(name, plain, nil)
		})
	}
}

// What the format cannot hold is refused by both.
func TestBothRefuse(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	for name, plain := range map[string]string{
		"int key.yaml":      "1: a\n",
		"bool key.yaml":     "true: a\n",
		"duplicate.yaml":    "a: 1\na: 2\n",
		"range.yaml":        "a: 9223372036854775808\n",
		"cycle.yaml":        "a: &a [*a]\n",
		"top list.yaml":     "- a\n",
		"top value.yaml":    "a\n",
		"overflow.json":     `{"a":1e400}`,
		"bom.json":          "\xef\xbb\xbf{}",
		"no equals.env":     "A\n",
		"no delimiter.ini":  "a\n",
		"reserved.yaml":     "sops: 1\n",
		"reserved.env":      "sops_x=1\n",
		"only comment.yaml": "# only\n",
	} {
		if out, err := p.try(name, []byte(plain), "encrypt"); err == nil {
			t.Errorf("%s: sops takes it:\n%s", name, out)
		}
		if _, err := sops.ParsePlain([]byte(plain), sops.FormatOf(name)); err == nil {
			t.Errorf("%s: we take it", name)
		}
	}
}

// Trap 10: sops parses a comment after a nested list into the list, where its
// own ciphertext no longer opens. We read it, and what we write sops reads.
func TestCommentAfterNestedList(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	const plain = "a:\n    b: [1, 2]\n    # c\nc: 2\n"
	theirs := p.sops("a.yaml", []byte(plain), "encrypt")
	if out := p.sops("a.yaml", theirs, "decrypt"); !bytes.Contains(out, []byte("ENC[")) {
		t.Error("sops reads the comment; the difference may be dropped from the docs")
	}
	d := p.open(theirs, sops.YAML)
	got, err := d.Plain(sops.YAML)
	if err != nil || !bytes.Contains(got, []byte("# c\n")) || bytes.Contains(got, []byte("ENC[")) {
		t.Fatalf("the comment is lost: %v\n%s", err, got)
	}
	resealed, err := d.Seal(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if out := p.sops("a.yaml", resealed, "decrypt"); !bytes.Equal(out, got) {
		t.Errorf("sops reads what we resealed as:\n%s", out)
	}
}

var ivField = regexp.MustCompile(`,iv:([^,]*),`)

// A new data key never sees an old IV, unlike in sops rotate.
func TestRenewalUsesFreshIVs(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	before := p.sops("all.yaml", []byte(samples["all.yaml"]), "encrypt")
	d := p.open(before, sops.YAML)
	if err := d.RenewDataKey(); err != nil {
		t.Fatal(err)
	}
	if err := d.Wrap(wrap); err != nil {
		t.Fatal(err)
	}
	after, err := d.Seal(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	old := map[string]bool{}
	for _, match := range ivField.FindAllSubmatch(before, -1) {
		old[string(match[1])] = true
	}
	seen := map[string]bool{}
	for _, match := range ivField.FindAllSubmatch(after, -1) {
		if iv := string(match[1]); old[iv] || seen[iv] {
			t.Errorf("the IV %s is used again", iv)
		} else {
			seen[iv] = true
		}
	}
	if len(seen) != len(old) {
		t.Errorf("%d IVs became %d", len(old), len(seen))
	}
	if a, b := p.sops("all.yaml", after, "decrypt"), p.sops("all.yaml", before, "decrypt"); !bytes.Equal(a, b) {
		t.Errorf("sops reads other values:\n%s", a)
	}
}

// Indents from the stores section of .sops.yaml.
func TestIndents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, stores string
		indent       int
	}{
		{"all.yaml", "{yaml: {indent: 2}}", 2},
		{"all.yaml", "{yaml: {indent: 0}}", 0},
		{"all.yaml", "{yaml: {indent: 7}}", 7},
		{"two.yaml", "{yaml: {indent: 3}}", 3},
		{"all.json", "{json: {indent: 2}}", 2},
		{"all.json", "{json: {indent: 0}}", 0},
		{"all.bin", "{json_binary: {indent: 3}}", 3},
	} {
		t.Run(fmt.Sprint(c.name, c.indent), func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			p.configure("", c.stores)
			p.agree(c.name, samples[c.name], func(d *sops.Document) { d.Indent = c.indent })
		})
	}
}

// A comment rule that would choose other values on reading, since sops stores
// comments of lists as items, is refused when sealing.
func TestCommentRuleThatDoesNotReadBack(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	d, err := sops.ParsePlain([]byte("l:\n    # enc\n    # note\n    - x\n"), sops.YAML)
	if err != nil {
		t.Fatal(err)
	}
	d.Metadata.Selection = sops.Selection{EncryptedCommentRegex: "enc"}
	if err := d.SetRecipients([][]string{{p.recipient()}}, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.Wrap(wrap); err != nil {
		t.Fatal(err)
	}
	if out, err := d.Seal(time.Now()); err == nil {
		t.Errorf("sealed as:\n%s", out)
	}
}

// An encrypted comment behind a value stays there when sealed again, and in the
// plaintext where that is asked for; sops moves it above the value.
func TestKeepInline(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	const plain = "a: 1 # why\nb: 2\n"
	encrypted := p.sops("a.yaml", []byte(plain), "encrypt")
	d := p.open(encrypted, sops.YAML)
	if out, err := d.Plain(sops.YAML); err != nil || string(out) != "# why\na: 1\nb: 2\n" {
		t.Errorf("by default: %q, %v", out, err)
	}
	d.KeepInline = true
	if out, err := d.Plain(sops.YAML); err != nil || string(out) != plain {
		t.Errorf("kept: %q, %v", out, err)
	}
	if sealed, err := d.Seal(time.Now()); err != nil || !bytes.Contains(sealed, []byte("type:int] #ENC[")) {
		t.Errorf("the comment moved: %v\n%s", err, sealed)
	}
}
