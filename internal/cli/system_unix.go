//go:build unix

package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// noCoreDumps keeps secrets out of core files. The hard limit stays, so that a
// program that is started can have cores of its own.
func noCoreDumps() {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &limit) == nil {
		limit.Cur = 0
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &limit)
	}
	notDumpable()
}

// wasClosed reports whether the program was started without this standard file:
// Go's runtime then puts /dev/null in its place, open for reading and writing,
// which a shell's </dev/null is not.
func wasClosed(f *os.File) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return true
	}
	null, nullErr := os.Stat(os.DevNull)
	stat, statErr := f.Stat()
	return flags&unix.O_ACCMODE == unix.O_RDWR && nullErr == nil && statErr == nil && os.SameFile(null, stat)
}
