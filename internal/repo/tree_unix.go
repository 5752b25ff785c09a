//go:build unix

package repo

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// A tree is a folder held open, below which files are reached one path
// element at a time without following symbolic links.
type tree struct {
	dir *os.File
}

func openTree(dir string) (*tree, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &tree{dir: f}, nil
}

func (t *tree) close() error { return t.dir.Close() }

// retry repeats a system call that a signal interrupted.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// in calls f with a handle of the folder dir, which is valid until f returns.
func (t *tree) in(dir string, f func(fd int) error) error {
	defer runtime.KeepAlive(t)
	fd := int(t.dir.Fd())
	if dir == "." {
		return f(fd)
	}
	first := true
	for elem := range strings.SplitSeq(dir, "/") {
		next, err := openat(fd, elem, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			err = explain(fd, elem, dir, err)
		}
		if !first {
			unix.Close(fd)
		}
		if err != nil {
			return err
		}
		fd, first = next, false
	}
	defer unix.Close(fd)
	return f(fd)
}

func openat(fd int, name string, flags int, mode uint32) (opened int, err error) {
	err = retry(func() error {
		opened, err = unix.Openat(fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		return err
	})
	return opened, err
}

// explain turns the error of opening elem, which differs between systems when
// elem is a symbolic link, into one that says so.
func explain(fd int, elem, full string, err error) error {
	if err == unix.ENOTDIR || err == unix.ELOOP || err == unix.EMLINK {
		if s, serr := statat(fd, elem); serr == nil && s.isLink() {
			return &UnsafePathError{Path: full, Reason: "a symbolic link is on the way"}
		}
	}
	return &fs.PathError{Op: "open", Path: full, Err: err}
}

func statat(fd int, name string) (stamp, error) {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		return stamp{}, err
	}
	return toStamp(&st), nil
}

func toStamp(st *unix.Stat_t) stamp {
	return stamp{
		dev: uint64(st.Dev), ino: st.Ino, size: st.Size, mtime: st.Mtim.Nano(),
		mode: toMode(uint32(st.Mode)), uid: st.Uid, gid: st.Gid,
	}
}

func toMode(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits & 0o777)
	switch bits & unix.S_IFMT {
	case unix.S_IFREG:
		return mode
	case unix.S_IFDIR:
		return mode | fs.ModeDir
	case unix.S_IFLNK:
		return mode | fs.ModeSymlink
	}
	return mode | fs.ModeIrregular
}

// stat describes the path itself; a symbolic link is not followed. An absent
// path, or one below a folder that is absent or a file, is fs.ErrNotExist.
func (t *tree) stat(name string) (s stamp, err error) {
	err = t.in(path.Dir(name), func(fd int) error {
		s, err = statat(fd, path.Base(name))
		if err != nil {
			return &fs.PathError{Op: "stat", Path: name, Err: err}
		}
		return nil
	})
	if errors.Is(err, unix.ENOTDIR) {
		err = &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return s, err
}

// read returns the bytes of a regular file and what it was when read.
func (t *tree) read(name string) (data []byte, s stamp, err error) {
	err = t.in(path.Dir(name), func(dir int) error {
		fd, err := openat(dir, path.Base(name), unix.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			return explain(dir, path.Base(name), name, err)
		}
		defer unix.Close(fd)
		var st unix.Stat_t
		if err := retry(func() error { return unix.Fstat(fd, &st) }); err != nil {
			return &fs.PathError{Op: "stat", Path: name, Err: err}
		}
		if s = toStamp(&st); !s.regular() {
			return &UnsafePathError{Path: name, Reason: "not a regular file"}
		}
		data, err = readAll(fd, s.size)
		if err != nil {
			return &fs.PathError{Op: "read", Path: name, Err: err}
		}
		return nil
	})
	return data, s, err
}

func readAll(fd int, size int64) ([]byte, error) {
	buf := make([]byte, 0, size+1)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n := 0
		err := retry(func() (err error) {
			n, err = unix.Read(fd, buf[len(buf):cap(buf)])
			return err
		})
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return buf, nil
		}
		buf = buf[:len(buf)+n]
	}
}

// create makes a file that must not exist and returns it open for writing.
func (t *tree) create(name string, perm uint32) (f *os.File, err error) {
	err = t.in(path.Dir(name), func(dir int) error {
		fd, err := openat(dir, path.Base(name), unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, perm)
		if err != nil {
			return &fs.PathError{Op: "create", Path: name, Err: err}
		}
		f = os.NewFile(uintptr(fd), name)
		return nil
	})
	return f, err
}

// rename moves a file within its folder.
func (t *tree) rename(from, to string) error {
	return t.in(path.Dir(from), func(fd int) error {
		err := retry(func() error { return unix.Renameat(fd, path.Base(from), fd, path.Base(to)) })
		if err != nil {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
		return nil
	})
}

// link gives a file a second name, possibly in another tree.
func (t *tree) link(name string, to *tree, dest string) error {
	return t.in(path.Dir(name), func(from int) error {
		return to.in(path.Dir(dest), func(fd int) error {
			return retry(func() error {
				return unix.Linkat(from, path.Base(name), fd, path.Base(dest), 0)
			})
		})
	})
}

// giveTo hands a file to the owner and group of another. It is a courtesy to
// those who share a working tree: only root may give files away, and the file
// is as good otherwise.
func giveTo(f *os.File, like stamp) {
	if int(like.uid) != os.Geteuid() || int(like.gid) != os.Getegid() {
		_ = f.Chown(int(like.uid), int(like.gid))
	}
}

// remove unlinks a file. An absent file is no error.
func (t *tree) remove(name string) error { return t.unlink(name, 0) }

// rmdir removes an empty folder. An absent or filled one is no error.
func (t *tree) rmdir(name string) error {
	err := t.unlink(name, unix.AT_REMOVEDIR)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

func (t *tree) unlink(name string, flags int) error {
	err := t.in(path.Dir(name), func(fd int) error {
		err := retry(func() error { return unix.Unlinkat(fd, path.Base(name), flags) })
		if err != nil {
			return &fs.PathError{Op: "remove", Path: name, Err: err}
		}
		return nil
	})
	if isAbsent(err) {
		return nil
	}
	return err
}

// mkdir makes one folder. One that exists is no error.
func (t *tree) mkdir(name string, perm uint32) error {
	return t.in(path.Dir(name), func(fd int) error {
		err := retry(func() error { return unix.Mkdirat(fd, path.Base(name), perm) })
		if err != nil && err != unix.EEXIST {
			return &fs.PathError{Op: "mkdir", Path: name, Err: err}
		}
		return nil
	})
}

// sync makes the names in a folder durable.
func (t *tree) sync(dir string) error {
	return t.in(dir, func(fd int) error {
		err := retry(func() error { return unix.Fsync(fd) })
		if err != nil {
			return &fs.PathError{Op: "sync", Path: dir, Err: err}
		}
		return nil
	})
}

// names lists a folder, unsorted. An absent folder is empty.
func (t *tree) names(dir string) (names []string, err error) {
	err = t.in(dir, func(fd int) error {
		// A second handle, because os.File closes the one it is given.
		own, err := openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			return &fs.PathError{Op: "open", Path: dir, Err: err}
		}
		f := os.NewFile(uintptr(own), dir)
		defer f.Close()
		names, err = f.Readdirnames(-1)
		return err
	})
	if isAbsent(err) || err == io.EOF {
		return nil, nil
	}
	return names, err
}

// openLock opens a file for locking and makes it first where it is absent.
func (t *tree) openLock(name string) (*os.File, error) {
	fd := -1
	err := t.in(".", func(dir int) (err error) {
		fd, err = openat(dir, name, unix.O_RDWR|unix.O_CREAT, 0o600)
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// tryLock takes a lock that the kernel drops when the file is closed, and
// reports whether it was free.
func tryLock(f *os.File) (bool, error) {
	err := retry(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if err == unix.EWOULDBLOCK {
		return false, nil
	}
	return err == nil, err
}
