package memdir

import "golang.org/x/sys/unix"

// Holds reports whether the files of a folder lie in memory: on a tmpfs or ramfs.
func Holds(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && (fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.RAMFS_MAGIC)
}
