//go:build unix

package clip

import (
	"os/exec"
	"syscall"
)

// detach lets a child outlive the terminal it was started from.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
