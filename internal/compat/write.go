package compat

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// emitTo writes a result where the flags of the call say.
func (c *call) emitTo(path string, data []byte) error {
	switch {
	case c.flags.is("in-place"):
		return c.replace(path, data)
	case c.flags.text("output") != "":
		return failed(codeWrite, writeFile(c.flags.text("output"), data))
	}
	_, err := c.Out.Write(data)
	return failed(codeGeneric, err)
}

func (c *call) replace(path string, data []byte) error {
	if err := writeFile(path, data); err != nil {
		return failed(codeWrite, err)
	}
	c.note("File written successfully")
	return nil
}

// writeFile puts data in place of a file, which is whole at any time: the bytes
// go to a file beside it, which then takes its name, its mode and, as far as the
// process may give files away, its owner. A link stays a link; a device or a pipe
// is written to.
func writeFile(path string, data []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	old, err := os.Stat(path)
	if err == nil && !old.Mode().IsRegular() {
		return writeThrough(path, data)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if old != nil {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		f.Close()
	}
	mode := os.FileMode(0o666)
	if old != nil {
		mode = 0o600
	}
	temp := filepath.Join(filepath.Dir(path), ".keyreeve-"+rand.Text()+".tmp")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if old != nil {
		giveTo(f, old)
		err = f.Chmod(old.Mode().Perm())
	}
	_, writeErr := f.Write(data)
	if err = errors.Join(err, writeErr, f.Sync(), f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func writeThrough(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// syncFolder makes a new name in a folder durable, where the system can.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	d.Sync()
	return nil
}

// read returns the bytes of a file, or of standard input for "".
func (c *call) read(path string) ([]byte, error) {
	if path == "" {
		data, err := io.ReadAll(c.In)
		return data, failed(codeRead, err)
	}
	data, err := os.ReadFile(path)
	return data, failed(codeRead, err)
}
