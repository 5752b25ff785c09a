package sops_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"keyreeve/sops"
)

var cipherString = regexp.MustCompile(`ENC\[AES256_GCM,data:([^,]*),iv:([^,]*),tag:([^,]*),type:([a-z]*)\]`)

// tamper returns variants of an encrypted document, each changed in one place
// that its MAC or a tag covers.
func tamper(text string) map[string]string {
	out := map[string]string{}
	matches := cipherString.FindAllStringSubmatchIndex(text, -1)
	if strings.Contains(text, "\n---\n") {
		matches = matches[:len(matches)-1] // only the first document's MAC is read
	}
	for i, m := range matches {
		isMAC := strings.HasSuffix(strings.TrimRight(text[:m[0]], ` :"=`), "mac")
		if text[m[8]:m[9]] == "comment" {
			continue // comments are outside the MAC
		}
		for field, name := range []string{"data", "iv", "tag"} {
			from, to := m[2+2*field], m[3+2*field]
			for _, at := range []int{from, (from + to) / 2} {
				out[fmt.Sprintf("%s of value %d flipped at %d", name, i, at-from)] = text[:at] + flipped(text[at]) + text[at+1:]
			}
			out[fmt.Sprintf("%s of value %d emptied", name, i)] = text[:from] + text[to:]
		}
		out[fmt.Sprintf("value %d in plaintext", i)] = text[:m[0]] + "plain" + text[m[1]:]
		out[fmt.Sprintf("value %d emptied", i)] = text[:m[0]] + `""` + text[m[1]:]
		out[fmt.Sprintf("type of value %d unknown", i)] = text[:m[8]] + "bytes" + text[m[9]:]
		out[fmt.Sprintf("type of value %d comment", i)] = text[:m[8]] + "comment" + text[m[9]:]
		if next := i + 1; next < len(matches) && !isMAC {
			n := matches[next]
			if text[n[8]:n[9]] != "comment" {
				out[fmt.Sprintf("values %d and %d swapped", i, next)] = text[:m[0]] + text[n[0]:n[1]] + text[m[1]:n[0]] + text[m[0]:m[1]] + text[n[1]:]
				out[fmt.Sprintf("value %d moved over %d", i, next)] = text[:n[0]] + text[m[0]:m[1]] + text[n[1]:]
			}
		}
	}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if strings.Contains(line, "ENC[") && !strings.Contains(line, "type:comment") && !strings.Contains(line, "mac") {
			out[fmt.Sprintf("line %d deleted", i+1)] = strings.Join(lines[:i], "") + strings.Join(lines[i+1:], "")
		}
	}
	for _, change := range [][2]string{{"Z\"", "1Z\""}, {"j_unencrypted: 1", "j_unencrypted: 2"}, {"i_unencrypted: plain", "i_unencrypted: other"},
		{"    i_unencrypted: plain\n", ""}, {"version: 3", "mac_only_encrypted: true\n    version: 3"}} {
		if strings.Contains(text, change[0]) {
			out["changed "+change[0]] = strings.Replace(text, change[0], change[1], 1)
		}
	}
	return out
}

// flipped returns another base64 letter.
func flipped(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// Nothing usable comes out of a golden document that was changed.
func TestTampering(t *testing.T) {
	t.Parallel()
	p := goldenPeer(t)
	for name := range samples {
		format := sops.FormatOf(name)
		encrypted, want := readGolden(t, name), readGolden(t, name+".plain")
		key := dataKeyOf(t, p, encrypted, format)
		variants := tamper(string(encrypted))
		if len(variants) < 10 {
			t.Errorf("%s: only %d variants", name, len(variants))
		}
		for what, text := range variants {
			if text == string(encrypted) {
				t.Errorf("%s, %s: nothing was changed", name, what)
			}
			d, err := sops.Parse([]byte(text), format)
			if err == nil {
				if err = d.Unlock(key); err == nil {
					err = d.Decrypt(sops.DecryptOptions{})
				}
			}
			if err == nil {
				got, _ := d.Plain(format)
				t.Errorf("%s, %s: accepted; the same plaintext: %v", name, what, bytes.Equal(got, want))
				continue
			}
			var integrity *sops.IntegrityError
			var syntax *sops.SyntaxError
			if !errors.As(err, &integrity) && !errors.As(err, &syntax) {
				t.Errorf("%s, %s: got %v", name, what, err)
			}
			if d != nil {
				if out, err := d.Plain(format); !errors.Is(err, sops.ErrUnverified) {
					t.Errorf("%s, %s: plaintext comes out: %q, %v", name, what, out, err)
				}
			}
		}
	}
}

// What the format leaves open is accepted exactly as by sops; the threat model
// names each.
func TestWhatTheFormatLeavesOpen(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	text := string(p.sops("a.yaml", []byte("a: \"5\"\nb_unencrypted: x\nc_unencrypted: y\nl: [1]\n"), "encrypt"))
	for what, change := range map[string][2]string{
		"null added":              {"l:\n", "n: null\nl:\n"},
		"empty string added":      {"l:\n", "n: \"\"\nl:\n"},
		"empty map added":         {"l:\n", "n: {}\nl:\n"},
		"comment added":           {"l:\n", "# plain\nl:\n"},
		"unencrypted key renamed": {"b_unencrypted", "z_unencrypted"},
		"type tag changed":        {"type:str]\nb", "type:int]\nb"},
		"bytes moved":             {"b_unencrypted: x\nc_unencrypted: \"y\"", "b_unencrypted: xy\nc_unencrypted: \"\""},
		"recipient relabelled":    {"recipient: age1", "recipient: age2"},
		"newer version":           {"version: 3.13.3", "version: 9.0.0"},
	} {
		changed := strings.Replace(text, change[0], change[1], 1)
		if changed == text {
			t.Fatalf("%s: nothing was changed in\n%s", what, text)
		}
		want, sopsErr := p.try("a.yaml", []byte(changed), "decrypt")
		if sopsErr != nil && what != "recipient relabelled" {
			t.Errorf("%s: sops refuses it: %v", what, sopsErr)
		}
		got, err := p.open([]byte(changed), sops.YAML).Plain(sops.YAML)
		if err != nil || sopsErr == nil && !bytes.Equal(got, want) {
			t.Errorf("%s: we read\n%s%v\nsops\n%s", what, got, err, want)
		}
	}
}

// Reading one entry needs no MAC, touches nothing, and still binds a value to
// its keys.
func TestDecryptEntryWithoutMAC(t *testing.T) {
	t.Parallel()
	p := goldenPeer(t)
	encrypted := readGolden(t, "all.yaml")
	key := dataKeyOf(t, p, encrypted, sops.YAML)
	d, err := sops.Parse(encrypted, sops.YAML)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.DecryptEntryWithoutMAC(0, []string{"a"}); !errors.Is(err, sops.ErrLocked) {
		t.Errorf("got %v before unlocking", err)
	}
	if err := d.Unlock(key); err != nil {
		t.Fatal(err)
	}
	whole := p.open(encrypted, sops.YAML)
	whole.Entries(func(tree int, path []string, want *sops.Node) {
		got, err := d.DecryptEntryWithoutMAC(tree, path)
		if err != nil || !got.Equal(want) {
			t.Errorf("%v: got %v, %v", path, got, err)
		}
	})
	for _, path := range [][]string{{"g"}, {"f"}, {"empty"}, {}} {
		want, err := whole.Lookup(0, path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.DecryptEntryWithoutMAC(0, path); err != nil || !got.Equal(want) {
			t.Errorf("%v: got %v, %v", path, got, err)
		}
	}
	if d.Verified() {
		t.Error("the document counts as verified")
	}
	if again, err := d.Encode(); err != nil || !bytes.Equal(again, encrypted) {
		t.Errorf("the document changed: %v", err)
	}
	var integrity *sops.IntegrityError
	for what, text := range tamper(string(encrypted)) {
		if !strings.HasPrefix(what, "value") || !strings.Contains(what, "in plaintext") {
			continue
		}
		changed, err := sops.Parse([]byte(text), sops.YAML)
		if err != nil {
			continue
		}
		if err := changed.Unlock(key); err != nil {
			t.Fatal(err)
		}
		_, err = changed.DecryptEntryWithoutMAC(0, nil)
		if !strings.Contains(text, "mac: plain") && !errors.As(err, &integrity) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}
