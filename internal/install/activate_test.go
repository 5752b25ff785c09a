package install_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"keyreeve/internal/install"
	"keyreeve/sops"
)

const recipient = "age1test"

func hexWrap(_ string, key []byte) (string, error) { return hex.EncodeToString(key), nil }
func hexUnwrap(_, enc string) ([]byte, error)      { return hex.DecodeString(enc) }
func refuse(_, _ string) ([]byte, error)           { return nil, errors.New("no identity") }

// host is a directory with one document and the places that a manifest names.
func host(t *testing.T) (dir, document string) {
	t.Helper()
	dir = t.TempDir()
	d, err := sops.ParsePlain([]byte(`{"db":{"password":"hunter2"},"port":5432}`), sops.JSON)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SetRecipients([][]string{{recipient}}, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.Wrap(hexWrap); err != nil {
		t.Fatal(err)
	}
	sealed, err := d.Seal(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	document = filepath.Join(dir, "doc.json")
	if err := os.WriteFile(document, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "gens"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir, document
}

func manifest(t *testing.T, dir string, secrets ...install.Secret) *install.Manifest {
	t.Helper()
	data, err := json.Marshal(install.Manifest{
		Secrets: secrets, SecretsMountPoint: filepath.Join(dir, "gens"),
		SymlinkPath: filepath.Join(dir, "live"), KeepGenerations: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := install.ParseManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestActivateWritesAndPrunes(t *testing.T) {
	t.Parallel()
	dir, document := host(t)
	uid, gid := os.Getuid(), os.Getgid()
	m := manifest(t, dir,
		install.Secret{Name: "db/password", Key: "db/password", SopsFile: document, Format: "json", Mode: "0440", UID: uid, GID: gid},
		install.Secret{Name: "port", Key: "port", SopsFile: document, Format: "json", UID: uid, GID: gid})
	for want := 1; want <= 2; want++ {
		result, err := install.Activate(m, hexUnwrap)
		if err != nil {
			t.Fatal(err)
		}
		if result.Generation != want || result.Secrets != 2 {
			t.Errorf("got %+v, want generation %d of 2 secrets", result, want)
		}
	}
	for name, want := range map[string]string{"db/password": "hunter2", "port": "5432"} {
		got, err := os.ReadFile(filepath.Join(dir, "live", name))
		if err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "live", "db/password"))
	if err != nil || info.Mode() != 0o440 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "gens")); len(entries) != 1 {
		t.Errorf("%d generations are kept, want 1", len(entries))
	}
}

func TestFailureKeepsTheLiveGeneration(t *testing.T) {
	t.Parallel()
	dir, document := host(t)
	good := install.Secret{Name: "port", Key: "port", SopsFile: document, Format: "json", UID: os.Getuid(), GID: os.Getgid()}
	if _, err := install.Activate(manifest(t, dir, good), hexUnwrap); err != nil {
		t.Fatal(err)
	}
	missing, unknown := good, good
	missing.Name, missing.Key = "missing", "nope"
	unknown.Name, unknown.Owner = "unknown", "no-such-user-here"
	for name, activate := range map[string]func() error{
		"missing key":   func() error { _, err := install.Activate(manifest(t, dir, good, missing), hexUnwrap); return err },
		"no identity":   func() error { _, err := install.Activate(manifest(t, dir, good), refuse); return err },
		"unknown owner": func() error { _, err := install.Activate(manifest(t, dir, good, unknown), hexUnwrap); return err },
	} {
		if activate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if target, _ := os.Readlink(filepath.Join(dir, "live")); filepath.Base(target) != "1" {
		t.Errorf("the live generation is %s, want 1", target)
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "gens")); len(entries) != 1 {
		t.Errorf("%d generations are left, want 1", len(entries))
	}
}

func TestManifestRefuses(t *testing.T) {
	t.Parallel()
	places := `"secretsMountPoint":"/g","symlinkPath":"/l"`
	for name, text := range map[string]string{
		"escape":         `{` + places + `,"secrets":[{"name":"../x","sopsFile":"/d"}]}`,
		"duplicate":      `{` + places + `,"secrets":[{"name":"x","sopsFile":"/d"},{"name":"x","sopsFile":"/d"}]}`,
		"format":         `{` + places + `,"secrets":[{"name":"x","sopsFile":"/d","format":"toml"}]}`,
		"mode":           `{` + places + `,"secrets":[{"name":"x","sopsFile":"/d","mode":"0999"}]}`,
		"relative mount": `{"secretsMountPoint":"g","symlinkPath":"/l","secrets":[]}`,
		"unserved field": `{` + places + `,"templates":[{"name":"t"}]}`,
	} {
		if _, err := install.ParseManifest([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
