// Package check finds, without any key, where the inventory, .sops.yaml and the
// documents differ, and what in a document is not as keyreeve writes it.
// docs/findings.md describes each finding by its code.
package check

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"keyreeve/fleet"
	"keyreeve/internal/lockstep"
	"keyreeve/internal/repo"
)

// A Finding is one thing that is not as it should be.
type Finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"` // error or warning
	File     string `json:"file"`
	Line     int    `json:"line"` // 0: the whole file
	Message  string `json:"message"`
	Why      string `json:"why"` // what it means, or ""
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
	CodeWrapped    = "KR108" // an enc is not one stanza of its recipient's type
	CodeTwice      = "KR109" // a recipient is listed twice
	CodeGroups     = "KR110" // key groups or threshold differ from policy
	CodeSelection  = "KR111" // the selection rule or mac_only_encrypted differs from policy
	CodeDataKey    = "KR112" // a data key was replaced without explanation
	CodeLink       = "KR113" // a symbolic link in a document's place
	CodeName       = "KR114" // a document's name is awkward
	CodeNoAge      = "KR115" // a listed recipient is none
	CodeForeign    = "KR116" // a key of another kind that policy does not name
	CodeClear      = "KR117" // a value stands in the clear in an encrypted document
)

var warnings = []string{CodeTwice, CodeSelection, CodeDataKey, CodeName}

func finding(code, file, message, why, fix string) Finding {
	severity := "error"
	if slices.Contains(warnings, code) {
		severity = "warning"
	}
	return Finding{Code: code, Severity: severity, File: file, Message: message, Why: why, Fix: fix}
}

// Inventory returns the problems of an inventory as findings.
func Inventory(problems []fleet.Problem) []Finding {
	var all []Finding
	for _, p := range problems {
		all = append(all, Finding{Code: p.Code, Severity: string(p.Severity), File: p.File, Line: p.Line, Message: p.Message, Fix: p.Fix})
	}
	return all
}

// Files returns what is wrong with .sops.yaml and with the documents at or below
// the paths, all without any; and how many documents were looked at.
func Files(ctx context.Context, s *lockstep.Session, paths []string) (findings []Finding, documents int, err error) {
	covers := func(file string) bool {
		return len(paths) == 0 || slices.ContainsFunc(paths, func(p string) bool {
			return p == "." || file == p || strings.HasPrefix(file, p+"/")
		})
	}
	if covers(lockstep.SopsConfig) {
		findings = sopsConfig(s)
	}
	all, err := s.Repo.Documents()
	if err != nil {
		return nil, 0, err
	}
	links, err := s.Repo.Links()
	if err != nil {
		return nil, 0, err
	}
	for _, f := range append(names(all), symlinks(links)...) {
		if covers(f.File) {
			findings = append(findings, f)
		}
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(p string) bool { return !covers(p) })
	found := make([][]Finding, len(chosen))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range chosen {
		group.Go(func() error {
			found[i] = document(s, path)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, 0, err
	}
	findings = append(findings, slices.Concat(found...)...)
	return append(findings, dataKeys(ctx, s, chosen)...), len(chosen), nil
}

func sopsConfig(s *lockstep.Session) []Finding {
	f := finding(CodeSopsConfig, lockstep.SopsConfig, "", "plain sops encrypts new documents to whom this file names", "keyreeve rekey")
	old, err := s.Repo.Read(lockstep.SopsConfig)
	if errors.Is(err, fs.ErrNotExist) {
		f.Message = "the file is missing"
		return []Finding{f}
	}
	var config []byte
	if err == nil {
		config, err = s.Inventory.SopsYAML(old)
	}
	var conflict *fleet.ConflictError
	switch {
	case errors.As(err, &conflict):
		f.Line, f.Message, f.Fix = conflict.Line, conflict.Reason, conflict.Fix
	case err != nil:
		f.Message, f.Fix = err.Error(), "restore it from git"
	case string(config) == string(old):
		return nil
	default:
		f.Message = "it does not say what " + repo.InventoryName + " says"
	}
	return []Finding{f}
}

// Sort orders findings by file, line and code.
func Sort(findings []Finding) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Code, b.Code))
	})
}
