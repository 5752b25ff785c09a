package sops

import (
	"errors"
	"slices"
)

// An UnwrapFunc opens the armored age file enc, which is listed for recipient,
// and returns what it holds: the data key or a share of it.
type UnwrapFunc func(recipient, enc string) ([]byte, error)

// A WrapFunc returns an armored age file that holds key and that recipient can
// open, with exactly one stanza.
type WrapFunc func(recipient string, key []byte) (string, error)

// Unlock finds the data key with unwrap, trying the age keys of each group in
// file order. It returns the joined errors of unwrap if too few groups open.
func (d *Document) Unlock(unwrap UnwrapFunc) error {
	if d.dataKey != nil {
		return nil
	}
	groups := d.Metadata.Groups
	var shares [][]byte
	var failures []error
	for _, group := range groups {
		share, err := group.open(unwrap)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		shares = append(shares, share)
	}
	need := 1
	if len(groups) > 1 {
		need = max(d.Metadata.ShamirThreshold, 1)
		if d.Metadata.ShamirThreshold == 0 {
			need = len(groups)
		}
	}
	if len(shares) < need {
		return errors.Join(failures...)
	}
	key := shares[0]
	if len(groups) > 1 {
		var err error
		if key, err = combineShares(shares); err != nil {
			return err
		}
	}
	if len(key) != dataKeySize {
		return &IntegrityError{Msg: "the data key has the wrong length"}
	}
	d.dataKey = key
	return nil
}

func (g *KeyGroup) open(unwrap UnwrapFunc) ([]byte, error) {
	var failures []error
	for _, key := range g.Age {
		share, err := unwrap(key.Recipient, key.Enc)
		if err == nil {
			return share, nil
		}
		failures = append(failures, err)
	}
	if len(failures) == 0 {
		return nil, errors.New("a key group has no age recipient")
	}
	return nil, errors.Join(failures...)
}

// SetRecipients replaces the age recipients by the given groups; threshold is
// the number of groups needed and counts only for several. The wrapped keys of
// the old list are dropped: [Document.Wrap] must follow. It returns a
// *[ForeignKeyError] if keys of another type are listed, since they could not
// be wrapped for.
func (d *Document) SetRecipients(groups [][]string, threshold int) error {
	if foreign := d.Metadata.ForeignKeys(); len(foreign) > 0 {
		return &ForeignKeyError{Keys: foreign}
	}
	next := make([]KeyGroup, len(groups))
	total := 0
	for i, recipients := range groups {
		for _, recipient := range recipients {
			next[i].Age = append(next[i].Age, WrappedKey{Recipient: recipient})
			total++
		}
	}
	if total == 0 {
		return errors.New("a document needs at least one recipient")
	}
	d.Metadata.Groups = next
	d.Metadata.ShamirThreshold = threshold
	return nil
}

// RenewDataKey replaces the data key of a decrypted document, so that every
// entry gets a new ciphertext when it is sealed. Only this takes access away
// from a recipient that knew the old key. [Document.Wrap] must follow.
func (d *Document) RenewDataKey() error {
	if !d.verified {
		return ErrUnverified
	}
	if foreign := d.Metadata.ForeignKeys(); len(foreign) > 0 {
		return &ForeignKeyError{Keys: foreign}
	}
	key, err := newDataKey()
	if err != nil {
		return err
	}
	d.dataKey = key
	for _, tree := range d.Trees {
		tree.forgetCiphers()
	}
	for _, group := range d.Metadata.Groups {
		for i := range group.Age {
			group.Age[i].Enc = ""
		}
	}
	return nil
}

// checkWrapped refuses a document that some recipient could not open.
func (d *Document) checkWrapped() error {
	for _, group := range d.Metadata.Groups {
		for _, wrapped := range group.Age {
			if wrapped.Enc == "" {
				return ErrNotWrapped
			}
		}
	}
	return nil
}

func (n *Node) forgetCiphers() {
	n.sealed = seal{}
	for _, child := range n.Children {
		child.forgetCiphers()
	}
}

// Wrap wraps the data key afresh for every listed recipient; with several
// groups, one new Shamir share for each. A plaintext document gets its data key
// here.
func (d *Document) Wrap(wrap WrapFunc) error {
	if foreign := d.Metadata.ForeignKeys(); len(foreign) > 0 {
		return &ForeignKeyError{Keys: foreign}
	}
	if d.dataKey == nil {
		if d.encrypted {
			return ErrLocked
		}
		key, err := newDataKey()
		if err != nil {
			return err
		}
		d.dataKey = key
	}
	groups := d.Metadata.Groups
	shares := [][]byte{d.dataKey}
	if len(groups) > 1 {
		if d.Metadata.ShamirThreshold == 0 {
			d.Metadata.ShamirThreshold = len(groups)
		}
		var err error
		if shares, err = splitShares(d.dataKey, len(groups), d.Metadata.ShamirThreshold); err != nil {
			return err
		}
	}
	next := make([]KeyGroup, len(groups))
	for i, group := range groups {
		next[i].Age = slices.Clone(group.Age)
		for j := range next[i].Age {
			enc, err := wrap(next[i].Age[j].Recipient, shares[i])
			if err != nil {
				return err
			}
			next[i].Age[j].Enc = enc
		}
	}
	d.Metadata.Groups = next
	return nil
}
