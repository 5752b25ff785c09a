//go:build !linux

package edit

import "errors"

func memoryFolder() (string, error) {
	return "", errors.New("edit needs a memory file system, which keyreeve does not make on this system yet; use get and set")
}
