package lockstep

import (
	"cmp"
	"fmt"
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
	Regrouped  string   // how the key groups or their threshold differ, if they do
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
	if len(drift.Add)+len(drift.Remove)+len(drift.Regrouped) == 0 {
		return nil, nil
	}
	drift.NewDataKey = len(drift.Remove)+len(drift.Regrouped) > 0
	return &drift, nil
}

// regrouped says how a document's data key is split otherwise than policy has it,
// or nothing: whoever was in a group knows a share of it.
func regrouped(decision fleet.Decision, m *sops.Metadata) string {
	want := decision.Groups()
	if len(want) < 2 && len(m.Groups) < 2 {
		return ""
	}
	if len(want) != len(m.Groups) {
		return fmt.Sprintf("it has %d key groups, policy says %d", len(m.Groups), len(want))
	}
	for i, group := range m.Groups {
		var listed []string
		for _, key := range group.Age {
			listed = append(listed, key.Recipient)
		}
		if len(without(listed, want[i]))+len(without(want[i], listed)) > 0 {
			return fmt.Sprintf("key group %d has other members than policy says", i+1)
		}
	}
	have, need := cmp.Or(m.ShamirThreshold, len(want)), cmp.Or(decision.Settings.Threshold, len(want))
	if have != need {
		return fmt.Sprintf("%d of its key groups open it, policy says %d", have, need)
	}
	return ""
}

// OtherSelection says how a document differs from policy in which of its values
// are encrypted and covered by the MAC. Bringing it to policy would change what
// can be read without a key, so that is never done in passing.
func (s *Session) OtherSelection(path string, d *sops.Document) []string {
	decision, ok := s.Policy.For(path)
	if !ok || d.Format == sops.Binary {
		return nil
	}
	var differs []string
	key, value := d.Metadata.Selection.Rule()
	wantKey, wantValue := selectionOf(decision.Settings).Rule()
	if key != wantKey || value != wantValue {
		differs = append(differs, fmt.Sprintf("its rule is %s %q, policy says %s %q", key, value, wantKey, wantValue))
	}
	if want := decision.Settings.MACOnlyEncrypted; d.Metadata.MACOnlyEncrypted != want {
		differs = append(differs, fmt.Sprintf("mac_only_encrypted is %v, policy says %v", d.Metadata.MACOnlyEncrypted, want))
	}
	return differs
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
