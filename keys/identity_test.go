package keys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"keyreeve/keys"
)

// leaks reports whether text holds a part of the secret, in any case, as hex or
// as numbers.
func leaks(text, secret string) bool {
	text = strings.ToUpper(text)
	body := secret[strings.LastIndex(secret, "1")+1:]
	for i := 0; i+10 <= len(body); i++ {
		part := body[i : i+10]
		numbers := strings.Trim(fmt.Sprint([]byte(part)), "[]")
		for _, form := range []string{part, fmt.Sprintf("%X", part), numbers, strings.ReplaceAll(numbers, " ", ", ")} {
			if strings.Contains(text, form) {
				return true
			}
		}
	}
	return false
}

func TestLeaksFindsALeak(t *testing.T) {
	secret := mustReveal(t, mustNew(t, false))
	for _, text := range []string{secret, strings.ToLower(secret), fmt.Sprintf("%x", secret), fmt.Sprint([]byte(secret)), fmt.Sprintf("%#v", struct{ s string }{secret})} {
		if !leaks(text, secret) {
			t.Errorf("a leak was not seen in %q", text[:20])
		}
	}
	if leaks("identity "+mustNew(t, false).String(), secret) {
		t.Error("a leak was seen where there is none")
	}
}

// However an identity is printed, logged or encoded, alone or within other
// values, its key does not show.
func TestIdentityIsRedacted(t *testing.T) {
	ed := sshKey(t, "ed25519", "")
	sshIDs, err := keys.ParseIdentities(ed.private, "ssh", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []*keys.Identity{mustNew(t, false), mustNew(t, true), sshIDs[1]} {
		secret := mustReveal(t, id)
		type inner struct {
			ID  keys.Identity
			ptr *keys.Identity
			val keys.Identity
		}
		values := map[string]any{
			"pointer": id, "value": *id, "slice": []*keys.Identity{id}, "values": []keys.Identity{*id},
			"map": map[string]any{"k": id}, "struct": inner{*id, id, *id}, "struct pointer": &inner{*id, id, *id},
			"interface": any(id), "ring": keys.NewRing(id), "ring identities": keys.NewRing(id).Identities(),
			"options": struct{ a, b any }{id, *id},
		}
		for name, value := range values {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%b", "%o", "%c", "%U", "%e", "%f", "%g", "%p", "%T", "%w", "%20v", "%-5.3s"} {
				if text := fmt.Sprintf(verb, value); leaks(text, secret) {
					t.Errorf("%s with %s shows the key", name, verb)
				}
			}
			if text, err := json.Marshal(value); err == nil && leaks(string(text), secret) {
				t.Errorf("%s as JSON shows the key", name)
			}
			if text, err := yaml.Marshal(value); err == nil && leaks(string(text), secret) {
				t.Errorf("%s as YAML shows the key", name)
			}
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("m", "id", value)
			slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "id", value)
			if leaks(log.String(), secret) {
				t.Errorf("%s in a log shows the key", name)
			}
			if walk(reflect.ValueOf(value), secret, map[uintptr]bool{}) {
				t.Errorf("a walk by reflection over %s finds the key", name)
			}
		}
		if text := fmt.Sprint(id); id.Recipient() == "" || !strings.Contains(text, id.Recipient()[:20]) {
			t.Errorf("%q does not show the recipient", text)
		}
		text, err := json.Marshal(id)
		want := fmt.Sprintf(`{"recipient":%q,"source":%q}`, id.Recipient(), id.Source())
		if err != nil || string(text) != want {
			t.Errorf("got %s, %v, want %s", text, err, want)
		}
	}
}

// walk reports whether a string or bytes that reflection can reach hold secret,
// as dumpers and differs would print it.
func walk(v reflect.Value, secret string, seen map[uintptr]bool) bool {
	switch v.Kind() {
	case reflect.String:
		return leaks(v.String(), secret)
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return false
		}
		seen[v.Pointer()] = true
		return walk(v.Elem(), secret, seen)
	case reflect.Interface:
		return !v.IsNil() && walk(v.Elem(), secret, seen)
	case reflect.Struct:
		for i := range v.NumField() {
			if walk(v.Field(i), secret, seen) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if walk(v.Index(i), secret, seen) {
				return true
			}
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			if walk(iter.Value(), secret, seen) {
				return true
			}
		}
	}
	return false
}

func TestZeroIdentity(t *testing.T) {
	var id keys.Identity
	if fmt.Sprintf("%+v", id) != "identity (none)" || id.Recipient() != "" || id.Source() != (keys.Source{}) {
		t.Errorf("got %v", id)
	}
	if _, err := id.Reveal(); !errors.Is(err, keys.ErrNoEncoding) {
		t.Errorf("got %v", err)
	}
	if len(keys.NewRing(&id, nil).Identities()) != 0 {
		t.Error("a ring took an empty identity")
	}
}

func TestParseIdentitiesRefuses(t *testing.T) {
	secret := mustReveal(t, mustNew(t, false))
	recipients, err := ageCommand(t, []byte(secret), "-a", "-r", someX25519)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ in, want string }{
		{"", "no identity in it"},
		{"# only a comment\n", "no identity in it"},
		{"# c\n" + secret + " \n", "line 2: malformed age identity; remove the blanks around it"},
		{"\t" + secret, "line 1: no age identity; remove the blanks around it"},
		{secret[:len(secret)-1] + map[bool]string{true: "P", false: "Q"}[strings.HasSuffix(secret, "Q")], "line 1: malformed age identity"},
		{strings.ToLower(secret), "line 1: no age identity"},
		{"AGE-SECRET-KEY-PQ-1QQQQ", "line 1: malformed post-quantum age identity"},
		{"AGE-PLUGIN-X-1QQQQ", "line 1: malformed plugin identity"},
		{someX25519, "line 1: a public key where a private one belongs"},
		{"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "malformed SSH private key"},
		{string(recipients), "an age file that no passphrase opens"},
		{"-----BEGIN AGE ENCRYPTED FILE-----\n!!!!", "an age file that no passphrase opens"},
	}
	for _, test := range tests {
		ids, err := keys.ParseIdentities([]byte(test.in), "test", nil)
		if err == nil || err.Error() != test.want || ids != nil {
			t.Errorf("%.30q: got %v, want %q", test.in, err, test.want)
		} else if leaks(err.Error(), secret) {
			t.Errorf("%.30q: the error shows the key", test.in)
		}
	}
}

func TestParseIdentitiesTakes(t *testing.T) {
	a, b := mustNew(t, false), mustNew(t, true)
	text := "# created: x\r\n" + mustReveal(t, a) + "\r\n\r\n# more\n" + mustReveal(t, b)
	ids, err := keys.ParseIdentities([]byte(text), "a test", nil)
	if err != nil || len(ids) != 2 || ids[0].Recipient() != a.Recipient() || ids[1].Recipient() != b.Recipient() {
		t.Fatalf("got %v, %v", ids, err)
	}
	if ids[0].Source().String() != "a test" {
		t.Errorf("got source %q", ids[0].Source())
	}
}

func TestPassphrases(t *testing.T) {
	id := mustNew(t, false)
	path := filepath.Join(t.TempDir(), "keys.txt")
	if err := id.Save(path, keys.SaveOptions{Passphrase: []byte("correct horse")}); err != nil {
		t.Fatal(err)
	}
	file := mustRead(t, path)
	if leaks(string(file), mustReveal(t, id)) || !strings.HasPrefix(string(file), "-----BEGIN AGE") {
		t.Fatalf("the file is not encrypted: %.40q", file)
	}
	ed, rsa := sshKey(t, "ed25519", "correct horse"), sshKey(t, "rsa", "correct horse", "-b", "2048", "-m", "PEM")
	chacha := sshKey(t, "ed25519", "correct horse", "-Z", "chacha20-poly1305@openssh.com")
	boom := errors.New("boom")
	tests := []struct {
		name   string
		data   []byte
		prompt keys.PromptFunc
		want   error
		text   string
		count  int
	}{
		{"age", file, answer("correct horse"), nil, "", 1},
		{"age, wrong", file, answer("battery staple"), keys.ErrPassphrase, "", 0},
		{"age, nobody", file, nil, keys.ErrNoPrompt, "", 0},
		{"age, empty", file, answer(""), nil, "none was given", 0},
		{"age, failed", file, func(string) ([]byte, error) { return nil, boom }, boom, "", 0},
		{"ssh", ed.private, answer("correct horse"), nil, "", 2},
		{"ssh, wrong", ed.private, answer("battery staple"), keys.ErrPassphrase, "", 0},
		{"ssh, nobody", ed.private, nil, keys.ErrNoPrompt, "", 0},
		{"ssh, PEM", rsa.private, answer("correct horse"), nil, "", 1},
		{"ssh, PEM, wrong", rsa.private, answer("battery staple"), keys.ErrPassphrase, "", 0},
		{"ssh, unknown cipher", chacha.private, answer("correct horse"), nil, "ssh-keygen -p", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ids, err := keys.ParseIdentities(test.data, "test", test.prompt)
			if len(ids) != test.count || (err != nil) != (test.count == 0) {
				t.Fatalf("got %v, %v", ids, err)
			}
			if test.want != nil && !errors.Is(err, test.want) || test.text != "" && !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func answer(passphrase string) keys.PromptFunc {
	return func(string) ([]byte, error) { return []byte(passphrase), nil }
}

func TestSaveNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "keys.txt")
	first, second := mustNew(t, false), mustNew(t, true)
	if err := first.Save(path, keys.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	before := mustRead(t, path)
	if err := second.Save(path, keys.SaveOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(mustRead(t, path), before) {
		t.Error("the file changed")
	}
	for _, name := range []string{path, filepath.Dir(path)} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if link := path + ".link"; os.Symlink(path+".none", link) == nil {
		if err := second.Save(link, keys.SaveOptions{}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a dangling link was followed: %v", err)
		}
	}
}

func TestSaveAppends(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.txt")
	a, b, c := mustNew(t, false), mustNew(t, true), mustNew(t, false)
	for _, id := range []*keys.Identity{a, b} {
		if err := id.Save(path, keys.SaveOptions{Append: true}); err != nil {
			t.Fatal(err)
		}
	}
	// A last line without an end does not swallow the next.
	mustWrite(t, path, strings.TrimSuffix(string(mustRead(t, path)), "\n"))
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := c.Save(link, keys.SaveOptions{Append: true}); err != nil {
		t.Fatal(err)
	}
	ids, err := keys.ParseIdentities(mustRead(t, path), "test", nil)
	if err != nil || len(ids) != 3 || ids[2].Recipient() != c.Recipient() {
		t.Errorf("got %v, %v", ids, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for name, before := range map[string]string{"junk": "hello\n", "key": "-----BEGIN AGE ENCRYPTED FILE-----\n"} {
		path := mustWrite(t, filepath.Join(dir, name), before)
		if err := a.Save(path, keys.SaveOptions{Append: true}); err == nil || string(mustRead(t, path)) != before {
			t.Errorf("%s: appended, or changed: %v", name, err)
		}
		if _, err := os.Stat(path + ".new"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a new file was left behind", name)
		}
	}
	mustWrite(t, path+".new", "")
	if err := a.Save(path, keys.SaveOptions{Append: true}); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "under way") {
		t.Errorf("two appends at once: %v", err)
	}
	if err := a.Save(path, keys.SaveOptions{Append: true, Passphrase: []byte("x")}); err == nil {
		t.Error("appended to a file with a passphrase")
	}
	ssh, err := keys.ParseIdentities(sshKey(t, "rsa", "", "-b", "2048").private, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ssh[0].Save(filepath.Join(dir, "ssh"), keys.SaveOptions{}); !errors.Is(err, keys.ErrNoEncoding) {
		t.Errorf("saved an SSH key: %v", err)
	}
}
