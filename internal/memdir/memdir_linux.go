package memdir

import (
	"os"

	"golang.org/x/sys/unix"
)

// New makes a folder on a tmpfs or ramfs that is there already. The error is
// [ErrNone] where no such place can be written to.
func New() (*Folder, error) {
	var second *Folder
	for _, base := range []string{os.Getenv("XDG_RUNTIME_DIR"), "/dev/shm", "/run"} {
		var fs unix.Statfs_t
		if base == "" || unix.Statfs(base, &fs) != nil || fs.Type != unix.TMPFS_MAGIC && fs.Type != unix.RAMFS_MAGIC {
			continue
		}
		warning := ""
		if fs.Type == unix.TMPFS_MAGIC && !hasNoSwap(base) {
			warning = swapWarning("/proc/swaps", isEncrypted)
		}
		if warning != "" && second != nil {
			continue
		}
		dir, err := os.MkdirTemp(base, "keyreeve-")
		if err != nil {
			continue
		}
		f := &Folder{Path: dir, Warning: warning, release: func() error { return os.RemoveAll(dir) }}
		if warning == "" {
			if second != nil {
				_ = second.Remove()
			}
			return f, nil
		}
		second = f
	}
	if second == nil {
		return nil, ErrNone
	}
	return second, nil
}
