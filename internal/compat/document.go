package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"keyreeve/keys"
	"keyreeve/sops"
)

// parse reads an encrypted document; "" is standard input.
func (c *call) parse(path string, format sops.Format) (*sops.Document, error) {
	data, err := c.read(path)
	if err != nil {
		return nil, err
	}
	d, err := sops.Parse(data, format)
	if err != nil {
		return nil, fail(codeGeneric, "%s: %w", nameOf(path), err)
	}
	d.KeepVersion = true
	return d, nil
}

func nameOf(path string) string {
	if path == "" {
		return "standard input"
	}
	return path
}

// open reads and decrypts a document, and sets it up to be written.
func (c *call) open(path string, s stores) (*sops.Document, error) {
	if err := c.refuseForeign(); err != nil {
		return nil, err
	}
	d, err := c.parse(path, s.in)
	if err != nil {
		return nil, err
	}
	if err := c.unlock(d, path); err != nil {
		return nil, err
	}
	if c.flags.is("ignore-mac") {
		c.warn("the MAC is not checked: nothing shows that %s is whole", nameOf(path))
	}
	err = d.Decrypt(sops.DecryptOptions{IgnoreMAC: c.flags.is("ignore-mac")})
	if err != nil {
		code := codeMAC
		if broken := (*sops.IntegrityError)(nil); errors.As(err, &broken) && len(broken.Path) > 0 {
			code = codeDecrypt
		}
		return nil, fail(code, "%s: %w", nameOf(path), err)
	}
	d.RaiseComments()
	d.Format, d.Indent = s.out, s.indent
	return d, nil
}

// unlock finds the data key of a document.
func (c *call) unlock(d *sops.Document, path string) error {
	err := keys.Open(c.Ring(), d.Unlock)
	var none *keys.NoIdentityError
	if err == nil || !errors.As(err, &none) {
		return failed(codeNoKey, err)
	}
	lines := []string{"readers: " + strings.Join(d.Metadata.Recipients(), ", ")}
	for _, tried := range none.Tried {
		line := fmt.Sprintf("tried:   %s from %s", tried.Recipient, tried.Source)
		if tried.Err != nil {
			line += ": " + tried.Err.Error()
		}
		lines = append(lines, line)
	}
	for _, p := range none.Problems {
		lines = append(lines, fmt.Sprintf("skipped: %s: %v", p.Source, p.Err))
	}
	if len(none.Tried)+len(none.Problems) == 0 {
		lines = append(lines, "no identity was found; set SOPS_AGE_KEY_FILE, or see keyreeve key ls")
	}
	if foreign := d.Metadata.ForeignKeys(); len(foreign) > 0 {
		lines = append(lines, "the real sops may open it with "+foreign[0])
	}
	return &failure{codeNoKey, errors.New(nameOf(path) + ": none of your keys opens it"), strings.Join(lines, "\n      ")}
}

// plain reads plaintext that is to be encrypted.
func plain(data []byte, name string, format sops.Format) (*sops.Document, error) {
	d, err := sops.ParsePlain(data, format)
	code := codeRead
	switch {
	case err == nil:
		return d, nil
	case errors.Is(err, sops.ErrReserved):
		return nil, &failure{codeEncrypted, errors.Join(errors.New(name+" is encrypted already, or has an entry that is reserved"), err), "edit it as it is, or rename the entry"}
	case errors.Is(err, sops.ErrEmpty) && len(data) == 0:
		code = codeEmpty
	case errors.Is(err, sops.ErrNoPlace):
		code = codeEncrypt
	}
	return nil, fail(code, "%s: %w", name, err)
}

// apply sets a new document up as a plan says, and wraps its data key.
func (p *plan) apply(d *sops.Document) error {
	d.Metadata.Selection, d.Metadata.MACOnlyEncrypted = p.selection, p.macOnly
	return rewrap(d, p.groups, p.threshold)
}

// rewrap gives a document recipients and wraps its data key for them.
func rewrap(d *sops.Document, groups [][]string, threshold int) error {
	for _, g := range groups {
		if len(g) == 0 {
			return fail(codeGeneric, "a group of recipients is empty")
		}
	}
	err := d.SetRecipients(groups, threshold)
	if err == nil {
		err = d.Wrap(keys.Wrap)
	}
	var foreign *sops.ForeignKeyError
	if errors.As(err, &foreign) {
		return &failure{codeGeneric, err, "run the real sops for this file"}
	}
	return failed(codeGeneric, err)
}

// seal returns the bytes of the file.
func seal(d *sops.Document) ([]byte, error) {
	for _, item := range d.Trees[0].Values() {
		if item.Key == "sops" && d.Format != sops.Dotenv && d.Format != sops.Binary {
			return nil, fail(codeEncrypted, "the key sops is reserved for metadata")
		}
	}
	data, err := d.Seal(time.Now())
	return data, failed(codeEmit, err)
}

// emitPlain returns the plaintext, or what lies at a path of it.
func emitPlain(d *sops.Document, path []step) ([]byte, error) {
	if len(path) == 0 {
		data, err := d.Plain(d.Format)
		return data, failed(codeEmit, err)
	}
	n, err := find(d.Trees[0], path)
	if err != nil {
		return nil, failed(codeGeneric, err)
	}
	data, err := emitNode(d, n)
	return data, failed(codeEmit, err)
}

// emitNode returns one value as sops extracts it: a string as it is, a map as
// the first document in place of the whole, another value as the format writes
// it.
func emitNode(d *sops.Document, n *sops.Node) ([]byte, error) {
	switch {
	case n.Kind == sops.String:
		return []byte(n.Text), nil
	case n.Kind == sops.Map:
		d.Trees[0] = n
		return d.Plain(d.Format)
	case d.Format == sops.JSON:
		return d.ValueBytes(n)
	case d.Format == sops.YAML:
		out, err := d.ValueBytes(n)
		if err == nil && !bytes.HasSuffix(out, []byte("\n")) {
			out = append(out, '\n')
		}
		return out, err
	case d.Format == sops.INI:
		d.Format = sops.JSON
		out, err := d.ValueBytes(n)
		var compact bytes.Buffer
		if err == nil {
			err = json.Compact(&compact, out)
		}
		return compact.Bytes(), err
	}
	return nil, errors.New("a " + n.Kind.String() + " cannot be extracted in the format " + d.Format.String())
}
