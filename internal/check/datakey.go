package check

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"keyreeve/internal/lockstep"
	"keyreeve/sops"
)

// dataKeys compares documents that are not committed with the last commit.
// Anyone can write a whole new document to public recipients; what shows it is a
// data key that was replaced although nobody was removed. A change that keyreeve
// made last on this machine explains itself. Without git, or where git fails,
// there is nothing to compare with.
func dataKeys(ctx context.Context, s *lockstep.Session, paths []string) []Finding {
	changed, err := s.Repo.ChangedSince(ctx, "HEAD", paths)
	if err != nil || len(changed) == 0 {
		return nil
	}
	before, err := s.Repo.ReadAllAt(ctx, "HEAD", changed)
	if err != nil {
		return nil
	}
	explained := map[string][]byte{}
	if last, err := s.Repo.LastChange(); err == nil {
		for _, c := range last.Changes {
			explained[c.Path] = c.Old
		}
	}
	var found []Finding
	for i, path := range changed {
		now, data, err := s.Read(path)
		if err != nil || now == nil || before[i] == nil || explained[path] != nil && bytes.Equal(explained[path], data) {
			continue
		}
		old, err := sops.Parse(before[i], sops.FormatOf(path))
		if err == nil && replaced(old, now) {
			found = append(found, finding(CodeDataKey, path, "its data key was replaced since the last commit, and nobody was removed",
				"whoever wrote it need not have known what was in it: anyone can encrypt to public recipients",
				"keyreeve diff HEAD and ask who did; after sops rotate or rekey --new-data-key, commit it"))
		}
	}
	return found
}

// replaced reports whether no wrapped key and no ciphertext is left, although
// every reader is. Of a document with a single value that says no more than that
// the value was changed.
func replaced(old, now *sops.Document) bool {
	recipients := now.Metadata.Recipients()
	for _, r := range old.Metadata.Recipients() {
		if !slices.Contains(recipients, r) {
			return false
		}
	}
	before, values := sealed(old)
	after, left := sealed(now)
	if values < 2 || left == 0 {
		return false
	}
	for text := range after {
		if before[text] {
			return false
		}
	}
	return true
}

// sealed returns the wrapped keys and the ciphertexts of a document, and how many
// values are among them.
func sealed(d *sops.Document) (texts map[string]bool, values int) {
	texts = map[string]bool{}
	for _, group := range d.Metadata.Groups {
		for _, wrapped := range group.Age {
			texts[wrapped.Enc] = true
		}
	}
	d.Entries(func(_ int, _ []string, n *sops.Node) {
		if n.Kind == sops.String && strings.HasPrefix(n.Text, "ENC[") {
			texts[n.Text] = true
			values++
		}
	})
	return texts, values
}
