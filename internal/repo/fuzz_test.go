package repo

import (
	"io/fs"
	"os"
	"reflect"
	"testing"
)

// A record decides what a recovery renames and removes: one that is accepted names
// nothing but files below the root and temporaries of ours, and reads back as
// written.
func FuzzRecord(f *testing.F) {
	if entries, err := os.ReadDir("testdata/fuzz/FuzzRecord"); err != nil || len(entries) < 5 {
		f.Fatalf("the corpus has %d entries: %v", len(entries), err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := decodeRecord(data)
		if err != nil {
			return
		}
		for _, file := range rec.Files {
			for _, name := range []string{file.Path, file.temp()} {
				if !fs.ValidPath(name) || checkPath(name) != nil {
					t.Fatalf("it names %q", name)
				}
			}
		}
		encoded, err := rec.encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decodeRecord(encoded); err != nil || !reflect.DeepEqual(again.Files, rec.Files) {
			t.Fatalf("written and read it differs: %v", err)
		}
	})
}
