// Package check finds, without any key, where the inventory, .sops.yaml and the
// documents differ.
package check

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
	"keyreeve/sops"
)

// A Finding is one thing that is not as it should be.
type Finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"` // error or warning
	File     string `json:"file"`
	Line     int    `json:"line"` // 0: the whole file
	Message  string `json:"message"`
	Fix      string `json:"fix"`
}

// The codes of findings in files; those of the inventory are fleet's.
const (
	CodeSopsConfig = "KR101" // .sops.yaml is out of step
	CodeUnreadable = "KR102" // a document does not parse
	CodeUncovered  = "KR103" // nothing in the inventory covers the document
	CodeStranger   = "KR104" // a recipient can still decrypt, policy says no
	CodeMissing    = "KR105" // policy says yes, the file no
	CodePlaintext  = "KR106" // a document is not encrypted
	CodeNoMAC      = "KR107" // a document has no MAC
)

// Inventory returns the problems of an inventory as findings.
func Inventory(problems []fleet.Problem) []Finding {
	var all []Finding
	for _, p := range problems {
		all = append(all, Finding{p.Code, string(p.Severity), p.File, p.Line, p.Message, p.Fix})
	}
	return all
}

// Files returns what is wrong with .sops.yaml and the documents, in the order of
// their paths.
func Files(s *lockstep.Session) (findings []Finding, documents int, err error) {
	findings = sopsConfig(s)
	paths, err := s.Repo.Documents()
	if err != nil {
		return nil, 0, err
	}
	found := make([][]Finding, len(paths))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		group.Go(func() error {
			found[i] = document(s, path)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, 0, err
	}
	return append(findings, slices.Concat(found...)...), len(paths), nil
}

func sopsConfig(s *lockstep.Session) []Finding {
	f := Finding{Code: CodeSopsConfig, Severity: "error", File: lockstep.SopsConfig, Fix: "keyreeve rekey"}
	old, err := s.Repo.Read(lockstep.SopsConfig)
	if errors.Is(err, fs.ErrNotExist) {
		f.Message = "the file is missing, so plain sops does not know whom to encrypt to"
		return []Finding{f}
	}
	config, err := s.Inventory.SopsYAML(old)
	var conflict *fleet.ConflictError
	switch {
	case errors.As(err, &conflict):
		f.Line, f.Message, f.Fix = conflict.Line, conflict.Reason, conflict.Fix
	case err != nil:
		f.Message = err.Error()
	case string(config) == string(old):
		return nil
	default:
		f.Message = "it does not say what " + repo.InventoryName + " says"
	}
	return []Finding{f}
}

func document(s *lockstep.Session, path string) []Finding {
	finding := func(code, message, fix string) Finding {
		return Finding{Code: code, Severity: "error", File: path, Message: message, Fix: fix}
	}
	d, _, err := s.Read(path)
	if errors.Is(err, sops.ErrNotEncrypted) {
		return []Finding{finding(CodePlaintext, "the document is not encrypted", "encrypt it: sops encrypt -i "+path+"; what was committed in plaintext must be rotated")}
	}
	if err != nil {
		f := finding(CodeUnreadable, err.Error(), "restore it from git")
		var syntax *sops.SyntaxError
		if errors.As(err, &syntax) {
			f.Line = syntax.Line
		}
		return []Finding{f}
	}
	var all []Finding
	if d.Metadata.MAC == "" {
		all = append(all, finding(CodeNoMAC, "the document has no MAC, so nothing proves that it is whole", "restore it from git"))
	}
	drift, err := s.Compare(path, d)
	if err != nil {
		retired, _ := s.Retired(d)
		for _, recipient := range retired {
			all = append(all, finding(CodeStranger, s.Name(recipient)+" can still decrypt, and was removed from the inventory", "keyreeve rekey "+path))
		}
		return append(all, finding(CodeUncovered, "nothing in the inventory says who may read it", "add a scope for it to "+repo.InventoryName+", or move it"))
	}
	if drift == nil {
		return all
	}
	for _, who := range drift.Remove {
		all = append(all, finding(CodeStranger, who+" can still decrypt, policy says no", "keyreeve rekey "+path))
	}
	for _, who := range drift.Add {
		all = append(all, finding(CodeMissing, who+" cannot decrypt, policy says yes", "keyreeve rekey "+path))
	}
	return all
}

// Sort orders findings by file, line and code.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Code, b.Code))
	})
}

// Text returns the place and message of a finding on one line.
func (f Finding) Text() string { return fmt.Sprintf("%s %-7s %s", f.Code, f.Severity, f.Message) }
