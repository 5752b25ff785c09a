//go:build !unix

package compat

import (
	"errors"
	"os"
)

var errUnix = errors.New("this system cannot do that; keyreeve sops needs a Unix for it")

func giveTo(*os.File, os.FileInfo) {}

func makePipe(string) error { return errUnix }

func become(string, []string) error { return errUnix }

func waitStatus(state *os.ProcessState) int { return state.ExitCode() }
