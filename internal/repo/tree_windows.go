package repo

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/windows"
)

// A tree is a folder held open, below which files are reached without following
// symbolic links.
type tree struct {
	dir *os.Root
}

func openTree(dir string) (*tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &tree{dir: root}, nil
}

func (t *tree) close() error { return t.dir.Close() }

// plain refuses a path with a symbolic link among its folders.
func (t *tree) plain(name string) error {
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		if info, err := t.dir.Lstat(name[:i]); err == nil && info.Mode()&(fs.ModeSymlink|fs.ModeIrregular) != 0 {
			return &UnsafePathError{Path: name, Reason: "a symbolic link is on the way"}
		}
	}
	return nil
}

func toStamp(info fs.FileInfo) stamp {
	return stamp{size: info.Size(), mtime: info.ModTime().UnixNano(), mode: info.Mode()}
}

// stat describes the path itself; a symbolic link is not followed.
func (t *tree) stat(name string) (stamp, error) {
	if err := t.plain(name); err != nil {
		return stamp{}, err
	}
	info, err := t.dir.Lstat(name)
	if err != nil {
		return stamp{}, err
	}
	return toStamp(info), nil
}

// read returns the bytes of a regular file and what it was when read.
func (t *tree) read(name string) ([]byte, stamp, error) {
	before, err := t.stat(name)
	if err != nil {
		return nil, stamp{}, err
	}
	if !before.regular() {
		return nil, before, &UnsafePathError{Path: name, Reason: "not a regular file"}
	}
	f, err := t.dir.Open(name)
	if err != nil {
		return nil, stamp{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, stamp{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, stamp{}, err
	}
	return data, toStamp(info), nil
}

// create makes a file that must not exist and returns it open for writing.
func (t *tree) create(name string, perm uint32) (*os.File, error) {
	if err := t.plain(name); err != nil {
		return nil, err
	}
	return t.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(perm))
}

// rename moves a file within its folder.
func (t *tree) rename(from, to string) error {
	if err := t.plain(from); err != nil {
		return err
	}
	return t.dir.Rename(from, to)
}

// link gives a file a second name in the same tree. Trees are not linked with
// each other here: the caller copies.
func (t *tree) link(name string, to *tree, dest string) error {
	if to != t {
		return errors.ErrUnsupported
	}
	return t.dir.Link(name, dest)
}

// giveTo does nothing: a file belongs to the folder's owner.
func giveTo(*os.File, stamp) {}

// remove unlinks a file. An absent file is no error.
func (t *tree) remove(name string) error {
	if err := t.plain(name); err != nil {
		return err
	}
	if err := t.dir.Remove(name); !isAbsent(err) {
		return err
	}
	return nil
}

// rmdir removes an empty folder. An absent or filled one is no error.
func (t *tree) rmdir(name string) error {
	if names, err := t.names(name); err != nil || len(names) > 0 {
		return err
	}
	return t.remove(name)
}

// mkdir makes one folder. One that exists is no error.
func (t *tree) mkdir(name string, perm uint32) error {
	if err := t.plain(name); err != nil {
		return err
	}
	if err := t.dir.Mkdir(name, fs.FileMode(perm)); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// sync does nothing: Windows has no way to make the names in a folder durable.
func (t *tree) sync(string) error { return nil }

// names lists a folder, unsorted. An absent folder is empty.
func (t *tree) names(dir string) ([]string, error) {
	if err := t.plain(strings.TrimSuffix(path.Clean(dir), "/") + "/"); err != nil {
		return nil, err
	}
	f, err := t.dir.Open(dir)
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// openLock opens a file for locking and makes it first where it is absent.
func (t *tree) openLock(name string) (*os.File, error) {
	return t.dir.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
}

// lockedByte is the byte that is locked. It lies behind the note of the holder,
// which others may then read.
const lockedByte = 1 << 20

// tryLock takes a lock that the system drops when the file is closed, and
// reports whether it was free.
func tryLock(f *os.File) (bool, error) {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{Offset: lockedByte})
	if err == windows.ERROR_LOCK_VIOLATION {
		return false, nil
	}
	return err == nil, err
}
