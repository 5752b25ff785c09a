package render

import (
	"errors"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func fill(template string) (string, error) {
	t, err := Parse([]byte(template))
	if err != nil {
		return "", err
	}
	out, err := t.Fill(func(ref string) ([]byte, error) {
		if strings.HasPrefix(ref, "no") {
			return nil, errors.New("no " + ref)
		}
		return []byte("<" + ref + ">"), nil
	})
	return string(out), err
}

func TestFill(t *testing.T) {
	for template, want := range map[string]string{
		"":                                     "",
		"a {{ keyreeve://c/s#p/q }} b":         "a <c/s#p/q> b",
		"{{keyreeve://c#a}}{{keyreeve://c#b}}": "<c#a><c#b>",
		"{{ .Values.x }} {{\"{{\"}} {":         "{{ .Values.x }} {{\"{{\"}} {",
		"{{{keyreeve://c#a}}}":                 "{<c#a>}",
		"{{\n keyreeve://c#a }}":               "{{\n keyreeve://c#a }}",
		"{{ keyreeve://c#a b }}\r\n":           "<c#a b>\r\n",
		"{{ Keyreeve://c }}":                   "{{ Keyreeve://c }}",
	} {
		if got, err := fill(template); err != nil || got != want {
			t.Errorf("%q: got %q %v, want %q", template, got, err, want)
		}
	}
}

func TestValuesAreNotScanned(t *testing.T) {
	template, err := Parse([]byte("x={{ keyreeve://a#b }}"))
	if err != nil {
		t.Fatal(err)
	}
	const value = "{{ keyreeve://c#d }}"
	out, err := template.Fill(func(string) ([]byte, error) { return []byte(value), nil })
	if err != nil || string(out) != "x="+value {
		t.Errorf("got %q %v", out, err)
	}
}

func TestErrors(t *testing.T) {
	for template, want := range map[string]string{
		"a\nbc {{ keyreeve://c#a\n}}": "2:4: a placeholder without }} on its line",
		"{{ keyreeve:// }}":           "1:1: a placeholder without a ref",
	} {
		if _, err := fill(template); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", template, err, want)
		}
	}
	_, err := fill("{{keyreeve://no#1}}\n{{keyreeve://yes}} {{keyreeve://no#2}}")
	var failed *FailedError
	if !errors.As(err, &failed) || len(failed.Failures) != 2 {
		t.Fatalf("got %v", err)
	}
	if f := failed.Failures[1]; f.Ref != "no#2" || f.Line != 2 || f.Column != 20 {
		t.Errorf("got %+v", f)
	}
}

func TestPlainTextIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("{} keyrv:/#a\n\r\xff")), 0, 60, -1).Draw(t, "text")
		if strings.Contains(text, scheme) {
			t.Skip()
		}
		if got, err := fill(text); err != nil || got != text {
			t.Errorf("got %q %v, want %q", got, err, text)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("a {{ keyreeve://c/s#p/q }} {{ x }} {{{{keyreeve://d}}}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		template, err := Parse(data)
		if err != nil {
			return
		}
		// With every placeholder put back, only blanks inside braces may differ.
		out, err := template.Fill(func(ref string) ([]byte, error) { return []byte("{{keyreeve://" + ref + "}}"), nil })
		blank := func(b []byte) string { return strings.NewReplacer(" ", "", "\t", "").Replace(string(b)) }
		if err != nil || blank(out) != blank(data) {
			t.Errorf("%q became %q, %v", data, out, err)
		}
	})
}

func TestWriteFile(t *testing.T) {
	name := t.TempDir() + "/out"
	if err := os.WriteFile(name, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(name, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := WriteFile(t.TempDir()+"/none/out", nil); err == nil {
		t.Error("wrote into a folder that does not exist")
	}
}
