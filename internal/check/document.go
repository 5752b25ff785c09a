package check

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/keys"
	"keyreeve/sops"
)

// document returns what is wrong with one document.
func document(s *lockstep.Session, path string) []Finding {
	d, data, err := s.Read(path)
	if err != nil {
		return []Finding{unreadable(path, data, err)}
	}
	if d == nil { // removed since the folder was listed
		return nil
	}
	found := wrappedKeys(path, d)
	if d.Metadata.MAC == "" {
		found = append(found, finding(CodeNoMAC, path, "the document has no MAC",
			"nothing proves that no value was added, removed or replaced", "restore it from git"))
	}
	d.Unsealed(func(tree int, keyPath []string) {
		ref := repo.Ref{Doc: s.Repo.Name(path), Tree: tree, Path: keyPath}.String()
		found = append(found, finding(CodeClear, path, ref+" stands in the clear",
			"its rule says that it is encrypted; who reads the file reads it",
			"restore the document from git and rotate the value"))
	})
	return append(found, againstPolicy(s, path, d)...)
}

// unreadable tells a file that was never encrypted from one that is damaged.
func unreadable(path string, data []byte, err error) Finding {
	const why = "every file under secrets/ but README*, *.template and dot files is a document"
	fix := "rotate what is in it, then store it with keyreeve set or sops encrypt -i " + path + ", or move the file away"
	if errors.Is(err, sops.ErrNotEncrypted) {
		return finding(CodePlaintext, path, "the document is not encrypted", why, fix)
	}
	if merge := (*lockstep.MergeError)(nil); errors.As(err, &merge) {
		f := finding(CodeUnreadable, path, "a merge of git left its marks here", "lines of two versions make no document: their values belong to two MACs, or to two data keys",
			"take one side with git checkout --ours or --theirs "+path+", then run keyreeve rekey")
		f.Line = merge.Line
		return f
	}
	var syntax *sops.SyntaxError
	if !errors.As(err, &syntax) {
		return finding(CodeUnreadable, path, strings.TrimPrefix(err.Error(), path+": "), "", "restore it from git")
	}
	if !bytes.Contains(data, []byte("sops")) {
		return finding(CodePlaintext, path, "the file is not encrypted", why, fix)
	}
	place := *syntax
	place.Line, place.Column = 0, 0
	f := finding(CodeUnreadable, path, place.Error(), "", "restore it from git")
	f.Line = syntax.Line
	return f
}

// wrappedKeys looks at each recipient that a document lists and at the key that
// is wrapped for it. The two are not bound to each other by anything else.
func wrappedKeys(path string, d *sops.Document) []Finding {
	var found []Finding
	for _, group := range d.Metadata.Groups {
		seen := map[string]bool{}
		for _, wrapped := range group.Age {
			if seen[wrapped.Recipient] {
				found = append(found, finding(CodeTwice, path, wrapped.Recipient+" is listed twice",
					"two wrapped keys under one name: one of them may be for somebody else", "keyreeve rekey --rewrap "+path))
			}
			seen[wrapped.Recipient] = true
			r, err := keys.ParseRecipient(wrapped.Recipient)
			if err != nil {
				found = append(found, finding(CodeNoAge, path, fmt.Sprintf("%q is listed and is no recipient", wrapped.Recipient), err.Error(), "keyreeve rekey "+path))
				continue
			}
			if err := r.Check(wrapped.Enc); err != nil {
				found = append(found, finding(CodeWrapped, path, "the key that is wrapped for "+wrapped.Recipient+" is not as it should be",
					err.Error(), "keyreeve rekey --rewrap "+path))
			}
		}
	}
	return found
}

// againstPolicy compares a document with what policy says of it.
func againstPolicy(s *lockstep.Session, path string, d *sops.Document) []Finding {
	var found []Finding
	drift, err := s.Compare(path, d)
	if err != nil {
		retired, _ := s.Retired(d)
		for _, recipient := range retired {
			found = append(found, stranger(s, path, s.Name(recipient)))
		}
		return append(found, finding(CodeUncovered, path, "nothing in the inventory says who may read it",
			"no change of the inventory will ever reach it", "add a scope for it to "+repo.InventoryName+", or move it"))
	}
	if drift != nil {
		for _, who := range drift.Remove {
			found = append(found, stranger(s, path, who))
		}
		for _, who := range drift.Add {
			found = append(found, finding(CodeMissing, path, who+" cannot decrypt, policy says yes",
				"nobody has wrapped the data key for it yet", "keyreeve rekey "+path))
		}
		if drift.Regrouped != "" {
			found = append(found, finding(CodeGroups, path, drift.Regrouped, "it decides how many people it takes to open the document", "keyreeve rekey "+path))
		}
	}
	decision, _ := s.Policy.For(path)
	found = append(found, foreign(path, d, decision.Settings)...)
	return append(found, selection(s, path, d)...)
}

func stranger(s *lockstep.Session, path, who string) Finding {
	why := "its wrapped key is in the file"
	for _, r := range s.Inventory.Retired() {
		if r.Principal.String() == who && r.Since != "" {
			why = "it was removed from " + repo.InventoryName + " on " + r.Since + " but its wrapped key is in the file"
		}
	}
	return finding(CodeStranger, path, who+" can still decrypt, policy says no", why, "keyreeve rekey "+path)
}

// foreign names the keys other than age's that policy does not pass through.
func foreign(path string, d *sops.Document, settings fleet.Settings) []Finding {
	var known []fleet.ForeignKey
	known = append(known, settings.Foreign...)
	for _, g := range settings.Groups {
		known = append(known, g.Foreign...)
	}
	var found []Finding
	for _, key := range d.Metadata.ForeignKeys() {
		_, id, _ := strings.Cut(key, " ")
		if id != "" && slices.ContainsFunc(known, func(k fleet.ForeignKey) bool { return strings.Contains(k.YAML, id) }) {
			continue
		}
		found = append(found, finding(CodeForeign, path, "the key "+key+" can decrypt, policy does not name it",
			"only sops can use such keys, so keyreeve cannot take it out", "name it in the document's scope, or remove it with sops rotate -i "+path))
	}
	return found
}

// selection reports where a document is encrypted by other rules than its scope's.
func selection(s *lockstep.Session, path string, d *sops.Document) []Finding {
	var found []Finding
	for _, message := range s.OtherSelection(path, d) {
		found = append(found, finding(CodeSelection, path, message, "it decides which values are encrypted and which the MAC covers",
			"write it anew under the scope's rule, or name its rule in the scope"))
	}
	return found
}
