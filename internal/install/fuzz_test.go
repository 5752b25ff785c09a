package install_test

import (
	"io/fs"
	"os"
	"path"
	"testing"

	"keyreeve/internal/install"
)

// A manifest that is accepted names nothing outside its generation and no mode
// beyond the permission bits, and each name once.
func FuzzManifest(f *testing.F) {
	if entries, err := os.ReadDir("testdata/fuzz/FuzzManifest"); err != nil || len(entries) < 5 {
		f.Fatalf("the corpus has %d entries: %v", len(entries), err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := install.ParseManifest(data)
		if err != nil {
			return
		}
		if !path.IsAbs(m.SecretsMountPoint) || !path.IsAbs(m.SymlinkPath) || m.KeepGenerations < 0 {
			t.Fatalf("accepted: %+v", m)
		}
		seen := map[string]bool{}
		for _, s := range m.Secrets {
			if !fs.ValidPath(s.Name) || s.Name == "." || seen[s.Name] || s.SopsFile == "" {
				t.Fatalf("accepted: %+v", s)
			}
			seen[s.Name] = true
		}
	})
}
