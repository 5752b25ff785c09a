package repo

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
)

// A stamp identifies what a path led to at one moment. It leaves out the
// change time, which a new hard link moves.
type stamp struct {
	dev, ino uint64
	size     int64
	mtime    int64 // nanoseconds
	mode     fs.FileMode
	uid, gid uint32
}

func (s stamp) regular() bool { return s.mode.IsRegular() }
func (s stamp) isDir() bool   { return s.mode.IsDir() }
func (s stamp) isLink() bool  { return s.mode&fs.ModeSymlink != 0 }
func (s stamp) perm() uint32  { return uint32(s.mode.Perm()) }

// isAbsent reports whether err says that there is nothing at a path.
func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// checkPath refuses what is no plain path of a file below the root.
func checkPath(name string) error {
	if name == "." || !fs.ValidPath(name) || strings.ContainsRune(name, 0) ||
		!filepath.IsLocal(name) || filepath.Separator != '/' && strings.ContainsRune(name, filepath.Separator) {
		return &UnsafePathError{Path: name, Reason: "not a plain path below the repository"}
	}
	for elem := range strings.SplitSeq(name, "/") {
		if strings.EqualFold(elem, ".git") {
			return &UnsafePathError{Path: name, Reason: "it is inside git's own folder"}
		}
	}
	return nil
}

// replace writes a file whole: temporary file, fsync, rename, folder fsync.
func (t *tree) replace(name string, data []byte, perm uint32) error {
	temp := path.Join(path.Dir(name), newTempName())
	f, err := t.create(temp, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = t.rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, t.remove(temp))
	}
	return t.sync(path.Dir(name))
}

// mkdirAll makes a folder and those above it.
func (t *tree) mkdirAll(name string, perm uint32) error {
	for i := range len(name) + 1 {
		if i == len(name) || name[i] == '/' {
			if err := t.mkdir(name[:i], perm); err != nil {
				return err
			}
		}
	}
	return nil
}
