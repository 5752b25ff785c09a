package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"keyreeve/keys"
	"keyreeve/sops"
)

// A fleet is a repository of one admin and a recovery recipient, and what its inventory and
// .sops.yaml become when a host is added.
type fleet struct {
	dir        string
	recipients []string
	documents  []string // paths below dir
	bytes      map[string][]byte
	before     map[string][]byte // the two files of policy
	after      map[string][]byte
}

// newFleet makes a fleet whose documents have the given numbers of values.
func (b *bench) newFleet(parent string, sizes ...int) (*fleet, error) {
	dir, err := os.MkdirTemp(parent, "fleet-")
	if err != nil {
		return nil, err
	}
	f := &fleet{dir: dir, bytes: map[string][]byte{}}
	first, err := keys.New(false)
	if err != nil {
		return nil, err
	}
	f.recipients = []string{b.identity.Recipient(), first.Recipient()}
	if err := b.keyreeve(dir, "init", "--user", "tim"); err != nil {
		return nil, err
	}
	if err := b.keyreeve(dir, "recovery", "add", "safe", "--recipient", first.Recipient()); err != nil {
		return nil, err
	}
	if err := f.addDocuments(sizes); err != nil {
		return nil, err
	}
	return f, f.planHost(b)
}

// addDocuments encrypts documents with the library, a hundred to a folder:
// making ten thousand with any program would take minutes.
func (f *fleet) addDocuments(sizes []int) error {
	var wrapper keys.Wrapper
	for i, size := range sizes {
		d, err := sops.ParsePlain([]byte(manyValues(size)), sops.YAML)
		if err != nil {
			return err
		}
		if err := d.SetRecipients([][]string{f.recipients}, 0); err != nil {
			return err
		}
		if err := d.Wrap(wrapper.Wrap); err != nil {
			return err
		}
		data, err := d.Seal(time.Now())
		if err != nil {
			return err
		}
		name := fmt.Sprintf("secrets/common/folder%03d/document%05d.yaml", i/100, i)
		f.documents = append(f.documents, name)
		f.bytes[name] = data
	}
	return f.restore()
}

// planHost notes what adding a host does to the inventory and to .sops.yaml.
func (f *fleet) planHost(b *bench) error {
	added, err := keys.New(false)
	if err != nil {
		return err
	}
	if f.before, err = f.policy(); err != nil {
		return err
	}
	if err := b.keyreeve(f.dir, "host", "add", "thinky", "--recipient", added.Recipient(), "--yes"); err != nil {
		return err
	}
	if f.after, err = f.policy(); err != nil {
		return err
	}
	return f.restore()
}

func (f *fleet) policy() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range []string{"keyreeve.yaml", ".sops.yaml"} {
		data, err := os.ReadFile(filepath.Join(f.dir, name))
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	return files, nil
}

func (f *fleet) write(files map[string][]byte) error {
	for name, data := range files {
		file := filepath.Join(f.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		// A new file each time: keyreeve keeps the old one for undo by a link.
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// restore puts every document, and the policy, back to before the host.
func (f *fleet) restore() error {
	if err := f.write(f.bytes); err != nil {
		return err
	}
	return f.write(f.before)
}

// drift is restore with the policy of after, so that every document lacks a
// recipient.
func (f *fleet) drift() error {
	if err := f.restore(); err != nil {
		return err
	}
	return f.write(f.after)
}

// loop is a command once for each document.
func (f *fleet) loop(args ...string) [][]string {
	var steps [][]string
	for _, name := range f.documents {
		steps = append(steps, append(append([]string{}, args...), name))
	}
	return steps
}

func (f *fleet) remove() error { return os.RemoveAll(f.dir) }

// manyValues is a document as fleets have them, only longer.
func manyValues(n int) string {
	var b strings.Builder
	for i := range n {
		if i%10 == 0 {
			fmt.Fprintf(&b, "service%d:\n", i/10)
		}
		switch i % 10 {
		case 3:
			fmt.Fprintf(&b, "    port: %d\n", i)
		case 5:
			fmt.Fprintf(&b, "    url: https://user:pa%d@example.org/?q=%d\n", i, i)
		case 7:
			fmt.Fprintf(&b, "    cert: |\n        line one %d\n        line two\n", i)
		default:
			fmt.Fprintf(&b, "    key%d: secret value number %d\n", i%10, i)
		}
	}
	return b.String()
}

// onDisk reports whether files below dir are kept by something else than memory.
func onDisk(dir string) bool {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return true
	}
	kind, longest := "", -1
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || !within(dir, fields[1]) || len(fields[1]) < longest {
			continue
		}
		kind, longest = fields[2], len(fields[1])
	}
	return kind != "tmpfs" && kind != "ramfs"
}

func within(dir, root string) bool {
	rel, err := filepath.Rel(root, dir)
	return err == nil && fs.ValidPath(filepath.ToSlash(rel))
}
