package sops_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyreeve/sops"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the random documents; 0 takes a new one")

// Random documents go to sops several at a time: a stream of YAML documents, or
// maps, sections and lines of one document, since starting sops costs more than
// all it then does.
const (
	randomDocuments      = 500
	randomDocumentsShort = 20
	randomPack           = 25
)

var generators = map[string]func(*generator, int){
	"r.yaml": (*generator).yaml,
	"r.json": (*generator).json,
	"r.env":  (*generator).dotenv,
	"r.ini":  (*generator).ini,
}

// Random documents mean the same to sops and to us, in both directions, and
// look the same around the ciphertext.
func TestRandomDocuments(t *testing.T) {
	t.Parallel()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	count := randomDocuments
	if testing.Short() {
		count = randomDocumentsShort
	}
	for name, generate := range generators {
		for pack := 0; pack < count; pack += randomPack {
			t.Run(fmt.Sprint(name, pack/randomPack), func(t *testing.T) {
				t.Parallel()
				g := &generator{r: rand.New(rand.NewPCG(seed, uint64(pack)))}
				generate(g, min(randomPack, count-pack))
				p := newPeer(t)
				if p.agree(name, g.out.String(), nil) {
					p.resealsAlike(name, g.out.String())
				}
				if t.Failed() {
					t.Logf("run again with -seed=%d; the document:\n%s", seed, g.out.String())
				}
			})
		}
	}
}

// resealsAlike checks that a document of sops, decrypted and sealed unchanged,
// is the same bytes but for the time and the MAC.
func (p *peer) resealsAlike(name, plain string) {
	p.t.Helper()
	theirs := p.sops(name, []byte(plain), "encrypt")
	resealed, err := p.open(theirs, sops.FormatOf(name)).Seal(time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	a, b := bytes.Split(theirs, []byte{'\n'}), bytes.Split(resealed, []byte{'\n'})
	for i := range min(len(a), len(b)) {
		if bytes.Equal(a[i], b[i]) || bytes.Contains(a[i], []byte("lastmodified")) || bytes.Contains(a[i], []byte("mac")) {
			continue
		}
		p.t.Fatalf("line %d changed from\n%s\nto\n%s", i+1, a[i], b[i])
	}
	if len(a) != len(b) {
		p.t.Errorf("%d lines became %d", len(a), len(b))
	}
}

// generator writes random plaintext in the styles that people use.
type generator struct {
	r   *rand.Rand
	out strings.Builder
}

func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

func pick[T any](g *generator, from []T) T { return from[g.r.IntN(len(from))] }

func (g *generator) line(indent int, format string, args ...any) {
	fmt.Fprintf(&g.out, strings.Repeat(" ", indent)+format+"\n", args...)
}

var oddStrings = []string{
	"", " ", "x", "yes", "no", "y", "null", "~", "true", "on", "<<", "=", "-", "--", "---", "...", "?", ":", "#", "!", "&a", "*a",
	"0", "012", "0x1f", "1e5", "1_000", ".5", "-0", "+1", ".inf", "12:30:45", "2020-01-01", "a: b", "a :b", "a #b", "a# b", "- a",
	"[a]", "{a}", "a, b", "\"a\"", "'a'", "it's", "a\\b", "\\n", "a\\nb", "%a", "@a", "`a`", "|", ">", "a\nb", "a\nb\n", "\n", "\na", "a\n\nb\n\n",
	" lead", "trail ", "tab\there", "\ttab", "a \nb", " a\nb", "  a\n b\n", "é", "日本語", "😀", "\u00a0", "\u2028", "\ufeffa", "\u0085", "\x7f", "\x00", "\x1b[0m",
	"ENC[AES256_GCM,data:x]", "user@example.org", "https://u:p@example.org/?a=b&c=d#e", "<&>", "$HOME ${x} $(y)", "100%", "a=b", ";x", "a;b", "x ; y",
	"-----BEGIN KEY-----\nMIIB/+==\n-----END KEY-----\n", "{\"json\": [1, 2]}", "key: |\n  text\n",
}

func (g *generator) text() string {
	if g.chance(40) {
		return pick(g, oddStrings)
	}
	alphabets := []string{"abcXYZ019", "ab :#-'\"\\,[]{}", "a \n", "aé😀\t", "01._-+eE:", "&*!|>%@`a "}
	runes := []rune(pick(g, alphabets))
	var b strings.Builder
	for range g.r.IntN(30) {
		b.WriteRune(pick(g, runes))
	}
	return b.String()
}

func (g *generator) word() string {
	var b strings.Builder
	b.WriteByte("abcxyz"[g.r.IntN(6)])
	for range g.r.IntN(12) {
		b.WriteByte("abcdefghijklmnopqrstuvwxyzABCDEFGH0123456789_-."[g.r.IntN(47)])
	}
	return b.String()
}

// key returns the n-th key of a map, unique in it.
func (g *generator) key(n int) string {
	key := "k" + strconv.Itoa(n) + g.word()
	if g.chance(15) {
		key += "_unencrypted"
	}
	return key
}

func (g *generator) number() string {
	switch g.r.IntN(5) {
	case 0:
		return strconv.FormatInt(g.r.Int64(), 10)
	case 1:
		return strconv.FormatInt(-g.r.Int64N(1000), 10)
	case 2:
		return strconv.FormatFloat(g.r.NormFloat64(), 'g', -1, 64)
	case 3:
		return strconv.FormatFloat(g.r.NormFloat64()*1e30, 'e', -1, 64)
	}
	return strconv.Itoa(g.r.IntN(100)) + ".0"
}

// quoted writes s as a YAML double-quoted or JSON string.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\ufeff':
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func (g *generator) json(count int) {
	g.out.WriteString("{")
	for i := range count {
		if i > 0 {
			g.out.WriteString(",\n")
		}
		fmt.Fprintf(&g.out, "%s: ", quoted(g.key(i)))
		g.jsonValue(3)
	}
	g.out.WriteString("}")
}

func (g *generator) jsonValue(depth int) {
	opening, closing := "{", "}"
	isList := g.chance(40)
	if isList {
		opening, closing = "[", "]"
	}
	if depth == 0 || depth < 3 && g.chance(60) {
		g.out.WriteString(g.jsonScalar())
		return
	}
	g.out.WriteString(opening)
	for i := range g.r.IntN(7) {
		if i > 0 {
			g.out.WriteString(pick(g, []string{",", ", ", ",\n\t"}))
		}
		if !isList {
			key := g.key(i)
			if g.chance(10) {
				key = "twice"
			} else if g.chance(10) {
				key += g.text()
			}
			g.out.WriteString(quoted(key) + ":")
		}
		g.jsonValue(depth - 1)
	}
	g.out.WriteString(closing)
}

func (g *generator) jsonScalar() string {
	switch g.r.IntN(6) {
	case 0:
		return pick(g, []string{"true", "false", "null", "-0", "1E+2", "0.0"})
	case 1:
		return g.number()
	}
	return quoted(g.text())
}

func (g *generator) dotenv(count int) {
	for i := range count {
		for range 1 + g.r.IntN(4) {
			text := strings.ReplaceAll(g.text(), "\n", pick(g, []string{`\n`, " "}))
			switch {
			case g.chance(15):
				g.line(0, "#%s", text)
			case g.chance(5):
				g.line(0, "")
			default:
				g.line(0, "%s=%s", g.key(i), text)
			}
		}
	}
}

func (g *generator) ini(count int) {
	if g.chance(50) {
		g.line(0, "global = %s", g.word())
	}
	for i := range count {
		if g.chance(20) {
			g.line(0, "; %s", g.word())
		}
		section := g.key(i)
		if g.chance(10) {
			section = "twice"
		}
		g.line(0, "[%s]", section)
		for j := range g.r.IntN(5) {
			if g.chance(15) {
				g.line(0, "%s %s", pick(g, []string{"#", ";"}), g.word())
			}
			g.line(0, "%s%s%s", g.key(j), pick(g, []string{"=", " = ", ": "}), g.iniValue())
		}
	}
}

func (g *generator) iniValue() string {
	text := strings.NewReplacer("\n", " ", "`", "", "\"", "", "\\", "").Replace(g.text())
	switch g.r.IntN(4) {
	case 0:
		return "`" + text + "`"
	case 1:
		return `"""` + text + "\n" + g.word() + `"""`
	case 2:
		return `"` + text + `"`
	}
	return g.word() + " " + text
}
