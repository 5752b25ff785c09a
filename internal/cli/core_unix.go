//go:build unix

package cli

import "golang.org/x/sys/unix"

// noCoreDumps keeps secrets out of core files.
func noCoreDumps() { unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }
