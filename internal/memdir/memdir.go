// Package memdir makes private folders that no disk holds, for plaintext that a
// person edits or another program reads. Where the system has no such place it
// says so, and the caller refuses: plaintext goes to no disk.
package memdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrNone says that this system offers no memory file system.
var ErrNone = errors.New("there is no memory file system that you can write to, and plaintext goes to no disk")

// A Folder is a private folder in memory.
type Folder struct {
	Path    string
	Warning string // why the memory may reach a disk after all, or ""

	release func() error
}

// Remove overwrites and removes everything in the folder, and the folder.
func (f *Folder) Remove() error {
	wipe(f.Path)
	return f.release()
}

// wipe overwrites what the files hold, so that pages that are given back hold no
// plaintext. Removal follows, whatever could not be overwritten.
func wipe(dir string) {
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			overwrite(path)
		}
		return nil
	})
}

func overwrite(path string) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return
	}
	zeros := make([]byte, min(info.Size(), 64<<10))
	for left := info.Size(); left > 0; left -= int64(len(zeros)) {
		if _, err := f.Write(zeros[:min(left, int64(len(zeros)))]); err != nil {
			return
		}
	}
}
