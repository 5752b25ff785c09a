package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// SaveOptions change how [Identity.Save] writes.
type SaveOptions struct {
	// Passphrase, if not empty, encrypts the file as age -p -a does.
	Passphrase []byte
	// Append adds to an identity file that may exist. It excludes Passphrase.
	Append bool
}

// Save writes the identity in the form of age-keygen, readable by the user
// alone, and makes the directory if it is missing. It never overwrites: without
// Append an existing file is an error that [fs.ErrExist] matches. With Append
// the file is replaced as a whole, or after an error unchanged. When it returns
// nil the bytes are on the disk.
func (id Identity) Save(path string, opts SaveOptions) error {
	secret, err := id.Reveal()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("# created: %s\n", time.Now().Format(time.RFC3339))
	if id.Recipient() != "" {
		text += fmt.Sprintf("# public key: %s\n", id.Recipient())
	}
	text += secret + "\n"
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("saving an identity: %w", err)
	}
	if opts.Append {
		if len(opts.Passphrase) > 0 {
			return errors.New("saving an identity: a file with a passphrase cannot be appended to")
		}
		return appendTo(path, []byte(text))
	}
	data := []byte(text)
	if len(opts.Passphrase) > 0 {
		if data, err = encryptWithPassphrase(data, opts.Passphrase); err != nil {
			return fmt.Errorf("saving an identity: %w", err)
		}
	}
	if err := writeNew(path, data); err != nil {
		return fmt.Errorf("saving an identity: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func encryptWithPassphrase(data, passphrase []byte) ([]byte, error) {
	r, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	armored := armor.NewWriter(&b)
	w, err := age.Encrypt(armored, r)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Close(), armored.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// appendTo replaces an identity file by itself and text. The new file, whose
// name is fixed, is also the lock: a second writer finds it and gives up.
func appendTo(path string, text []byte) (err error) {
	// A link, as dotfile managers make, stays one.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("saving an identity: %q is in the way: another append is under way, or one was killed and the file can be removed: %w", next, err)
	}
	if err != nil {
		return fmt.Errorf("saving an identity: %w", err)
	}
	old, err := readAppendable(path)
	if err == nil {
		_, err = f.Write(append(old, text...))
		err = errors.Join(err, f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		_ = os.Remove(next)
		return fmt.Errorf("saving an identity: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// readAppendable returns the lines of an identity file, none if it is missing.
func readAppendable(path string) ([]byte, error) {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if isAgeFile(old) {
		return nil, fmt.Errorf("%q has a passphrase and cannot be appended to", path)
	}
	if _, err := (parser{}).parseLines(old, Source{Path: path}, false); err != nil {
		return nil, fmt.Errorf("%q is no identity file: %w", path, err)
	}
	if len(old) > 0 && !bytes.HasSuffix(old, []byte("\n")) {
		old = append(old, '\n')
	}
	return old, nil
}

// writeNew writes and syncs a file that must not exist, and removes it again if
// that fails.
func writeNew(path string, data []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

// syncDir makes a new name in dir durable. Some systems cannot sync a
// directory; the file itself is synced already.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("saving an identity: %w", err)
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}
