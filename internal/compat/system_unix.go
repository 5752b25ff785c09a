//go:build unix

package compat

import (
	"os"
	"syscall"
)

// giveTo gives a file to the owner of another, if the process may.
func giveTo(f *os.File, old os.FileInfo) {
	if stat, ok := old.Sys().(*syscall.Stat_t); ok {
		f.Chown(int(stat.Uid), int(stat.Gid))
	}
}

func makePipe(path string) error { return syscall.Mkfifo(path, 0o600) }

// become replaces the process; it returns only if that fails.
func become(line string, env []string) error {
	return syscall.Exec("/bin/sh", []string{"/bin/sh", "-c", line}, env)
}

// waitStatus is what sops ends with for a child: its code, 255 on a signal.
func waitStatus(state *os.ProcessState) int {
	if code := state.ExitCode(); code >= 0 {
		return code
	}
	return 255
}
