package install

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"keyreeve/sops"
)

// A Result says what an activation did.
type Result struct {
	Generation int
	Secrets    int
}

// Activate decrypts all secrets of m, writes them as a new generation and makes
// it the live one. Nothing is written before every secret is at hand; an error
// leaves the live generation as it was.
func Activate(m *Manifest, unwrap sops.UnwrapFunc) (Result, error) {
	contents, err := decryptAll(m, unwrap)
	if err != nil {
		return Result{}, err
	}
	number, err := nextGeneration(m)
	if err != nil {
		return Result{}, err
	}
	mount, err := os.OpenRoot(m.SecretsMountPoint)
	if err != nil {
		return Result{}, fmt.Errorf("opening the directory of the generations: %w", err)
	}
	defer mount.Close()
	name := strconv.Itoa(number)
	if err := writeGeneration(mount, name, m.Secrets, contents); err != nil {
		return Result{}, errors.Join(err, mount.RemoveAll(name))
	}
	if err := switchLink(m.SymlinkPath, filepath.Join(m.SecretsMountPoint, name)); err != nil {
		return Result{}, errors.Join(err, mount.RemoveAll(name))
	}
	return Result{Generation: number, Secrets: len(m.Secrets)}, prune(mount, number, m.KeepGenerations)
}

// decryptAll opens each document once.
func decryptAll(m *Manifest, unwrap sops.UnwrapFunc) ([][]byte, error) {
	type source struct {
		file   string
		format sops.Format
	}
	documents := map[source]*sops.Document{}
	contents := make([][]byte, len(m.Secrets))
	for i := range m.Secrets {
		s := &m.Secrets[i]
		key := source{s.SopsFile, s.format}
		if documents[key] == nil {
			d, err := openDocument(s.SopsFile, s.format, unwrap)
			if err != nil {
				return nil, fmt.Errorf("secret %q: %s: %w", s.Name, s.SopsFile, err)
			}
			documents[key] = d
		}
		content, err := s.content(documents[key])
		if err != nil {
			return nil, fmt.Errorf("secret %q: %s: %w", s.Name, s.SopsFile, err)
		}
		contents[i] = content
	}
	return contents, nil
}

func openDocument(file string, format sops.Format, unwrap sops.UnwrapFunc) (*sops.Document, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	d, err := sops.Parse(data, format)
	if err != nil {
		return nil, err
	}
	if err := d.Unlock(unwrap); err != nil {
		return nil, err
	}
	return d, d.Decrypt(sops.DecryptOptions{})
}

// nextGeneration follows the number of the live generation.
func nextGeneration(m *Manifest) (int, error) {
	target, err := os.Readlink(m.SymlinkPath)
	if errors.Is(err, fs.ErrNotExist) {
		return 1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%s is in the way and is no link; move it away: %w", m.SymlinkPath, err)
	}
	if filepath.Dir(target) != filepath.Clean(m.SecretsMountPoint) {
		return 1, nil
	}
	number, err := strconv.Atoi(filepath.Base(target))
	if err != nil {
		return 0, fmt.Errorf("the live generation %s has no number", target)
	}
	return number + 1, nil
}

func writeGeneration(mount *os.Root, name string, secrets []Secret, contents [][]byte) error {
	if err := mount.RemoveAll(name); err != nil {
		return err
	}
	if err := mount.Mkdir(name, 0o751); err != nil {
		return err
	}
	generation, err := mount.OpenRoot(name)
	if err != nil {
		return err
	}
	defer generation.Close()
	if err := generation.Chmod(".", 0o751); err != nil {
		return err
	}
	for i := range secrets {
		if err := writeSecret(generation, &secrets[i], contents[i]); err != nil {
			return fmt.Errorf("secret %q: %w", secrets[i].Name, err)
		}
	}
	return nil
}

// writeSecret sets owner and mode before the content is there.
func writeSecret(generation *os.Root, s *Secret, content []byte) error {
	if dir := filepath.Dir(s.Name); dir != "." {
		if err := generation.MkdirAll(dir, 0o751); err != nil {
			return err
		}
	}
	uid, gid, err := s.owner()
	if err != nil {
		return err
	}
	f, err := generation.OpenFile(s.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if os.Geteuid() == 0 {
		if err := f.Chown(uid, gid); err != nil {
			return err
		}
	}
	if err := f.Chmod(s.mode); err != nil {
		return err
	}
	if _, err := bytes.NewReader(content).WriteTo(f); err != nil {
		return err
	}
	return f.Close()
}

func (s *Secret) owner() (uid, gid int, err error) {
	uid, gid = s.UID, s.GID
	if s.Owner != "" {
		u, err := user.Lookup(s.Owner)
		if err != nil {
			return 0, 0, err
		}
		uid, _ = strconv.Atoi(u.Uid)
	}
	if s.Group != "" {
		g, err := user.LookupGroup(s.Group)
		if err != nil {
			return 0, 0, err
		}
		gid, _ = strconv.Atoi(g.Gid)
	}
	return uid, gid, nil
}

// switchLink makes link point to target by a rename, so that readers see
// either generation and never none.
func switchLink(link, target string) error {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	temporary := link + ".keyreeve-" + hex.EncodeToString(random[:])
	if err := os.Symlink(target, temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, link); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}

// prune removes generations that are older than the kept ones. Other names in
// the directory stay.
func prune(mount *os.Root, current, keep int) error {
	if keep == 0 {
		return nil
	}
	dir, err := mount.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	slices.Sort(names)
	var faults []error
	for _, name := range names {
		number, err := strconv.Atoi(name)
		if err == nil && name == strings.TrimLeft(name, "+0") && number <= current-keep {
			faults = append(faults, mount.RemoveAll(name))
		}
	}
	return errors.Join(faults...)
}
