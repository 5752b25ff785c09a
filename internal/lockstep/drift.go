package lockstep

import (
	"slices"

	"keyreeve/fleet"
	"keyreeve/sops"
)

// Drift is the difference between the recipients that a document lists and
// those that policy wants.
type Drift struct {
	Document   string
	Add        []string // principals, else unknown/RECIPIENT
	Remove     []string
	Added      []string // the recipients themselves
	Removed    []string
	Recipients []string // that policy wants
	Regrouped  bool     // the key groups or their threshold differ
	NewDataKey bool     // a removal always replaces the data key
	Entries    []string // refs of what is in the document
}

// Compare returns how the document at path differs from policy, or nil. It
// needs no key.
func (s *Session) Compare(path string, d *sops.Document) (*Drift, error) {
	decision, ok := s.Policy.For(path)
	if !ok {
		return nil, &UncoveredError{Path: path}
	}
	want, listed := decision.Recipients(), d.Metadata.Recipients()
	drift := Drift{Document: path, Recipients: want, Added: without(want, listed), Removed: without(listed, want)}
	drift.Add, drift.Remove = s.names(drift.Added), s.names(drift.Removed)
	drift.Regrouped = regrouped(decision, &d.Metadata)
	if len(drift.Add)+len(drift.Remove) == 0 && !drift.Regrouped {
		return nil, nil
	}
	drift.NewDataKey = len(drift.Remove) > 0 || drift.Regrouped
	return &drift, nil
}

// regrouped reports whether a document's data key is split otherwise than policy
// says: whoever was in a group knows a share of it.
func regrouped(decision fleet.Decision, m *sops.Metadata) bool {
	want := decision.Groups()
	if len(want) < 2 && len(m.Groups) < 2 {
		return false
	}
	threshold := func(n, groups int) int {
		if n == 0 {
			return groups
		}
		return n
	}
	if len(want) != len(m.Groups) || threshold(decision.Settings.Threshold, len(want)) != threshold(m.ShamirThreshold, len(want)) {
		return true
	}
	for i, group := range m.Groups {
		var listed []string
		for _, key := range group.Age {
			listed = append(listed, key.Recipient)
		}
		if len(without(listed, want[i]))+len(without(want[i], listed)) > 0 {
			return true
		}
	}
	return false
}

// OtherSelection reports whether a document says otherwise than policy which of
// its values are encrypted. Bringing it to policy would change what can be read
// without a key, so that is never done in passing.
func (s *Session) OtherSelection(path string, d *sops.Document) bool {
	decision, ok := s.Policy.For(path)
	if !ok || d.Format == sops.Binary {
		return false
	}
	return d.Metadata.Selection != selectionOf(decision.Settings) || d.Metadata.MACOnlyEncrypted != decision.Settings.MACOnlyEncrypted
}

// selectionOf returns the selection rule of new documents.
func selectionOf(settings fleet.Settings) sops.Selection {
	selection := sops.Selection{}
	if settings.Selection.Key == "" {
		selection.UnencryptedSuffix = sops.DefaultUnencryptedSuffix
		return selection
	}
	*map[string]*string{
		"unencrypted_suffix":        &selection.UnencryptedSuffix,
		"encrypted_suffix":          &selection.EncryptedSuffix,
		"unencrypted_regex":         &selection.UnencryptedRegex,
		"encrypted_regex":           &selection.EncryptedRegex,
		"unencrypted_comment_regex": &selection.UnencryptedCommentRegex,
		"encrypted_comment_regex":   &selection.EncryptedCommentRegex,
	}[settings.Selection.Key] = settings.Selection.Value
	return selection
}

// names returns the principals of recipients.
func (s *Session) names(recipients []string) []string {
	var names []string
	for _, recipient := range recipients {
		names = append(names, s.Name(recipient))
	}
	return names
}

// without returns the members of a list that are not in another.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}
