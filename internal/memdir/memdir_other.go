//go:build !linux && !darwin

package memdir

// New returns [ErrNone]: keyreeve knows no memory file system of this system.
func New() (*Folder, error) { return nil, ErrNone }
