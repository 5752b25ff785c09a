// Package adopt derives an inventory from a .sops.yaml that people wrote by hand
// and from the documents encrypted under it. It plans and writes nothing: the
// plan holds the text of both files, and is only made if every path keeps the
// recipients that the old rules gave it.
package adopt

import (
	"errors"
	"fmt"

	"keyreeve/fleet"
	"keyreeve/keys"
)

// A Document is one encrypted file of the repository.
type Document struct {
	Path       string
	Recipients []string // age recipients that the file lists
	Foreign    []string // other keys that it lists
}

// A Form is the way in which an inventory says who reads what.
type Form string

// The forms, the simplest first.
const (
	Standard Form = "standard" // the standard layout, and scopes for the rest
	Scopes   Form = "scopes"   // layout none, scopes alone
	Rules    Form = "rules"    // layout none, the expressions as they were
)

// A Plan is what adopting would write, and what there is to say about it.
type Plan struct {
	Form       Form
	Why        string // why no simpler form is equivalent; "" for Standard
	Inventory  []byte
	SopsYAML   []byte
	Principals []Principal
	Groups     []fleet.Group
	Notes      []Note
	Unmatched  []string // documents that no rule matches
	Drift      []Drift
	Paths      int // random paths that were compared, besides the documents
}

// A Principal is one that the plan gives a name to.
type Principal struct {
	Principal fleet.Principal
	Recipient string // "" for a placeholder
	From      string // where the name is from
	Admin     bool
}

// A Note is one thing of the old file that does not come along as it was.
type Note struct {
	Kind string // placeholder, unused, foreign, unknown
	Line int    // of .sops.yaml; 0 without
	Text string
}

// A Drift is a document whose recipients are not those of the rules. Adopting
// leaves it.
type Drift struct {
	Document string
	Add      []string
	Remove   []string
}

// A RefusedError reports a .sops.yaml that cannot be adopted as it is.
type RefusedError struct {
	Line   int
	Reason string
	Fix    string
}

func (e *RefusedError) Error() string {
	if e.Line == 0 {
		return ".sops.yaml: " + e.Reason
	}
	return fmt.Sprintf(".sops.yaml:%d: %s", e.Line, e.Reason)
}

// New plans the adoption of a .sops.yaml. The error is a *[RefusedError] or a
// *[fleet.SopsConfigError].
func New(config []byte, documents []Document) (*Plan, error) {
	old, err := fleet.ParseSopsConfig(config)
	if err != nil {
		return nil, err
	}
	if len(old.Rules) == 0 {
		return nil, &RefusedError{Reason: "it has no creation rules, so there is nothing to adopt", Fix: "keyreeve init"}
	}
	a := &adoption{old: old, config: config, documents: documents}
	if err := a.checkRules(); err != nil {
		return nil, err
	}
	a.name()
	a.group()
	return a.plan()
}

// An adoption is the work on one plan.
type adoption struct {
	old       *fleet.SopsConfig
	config    []byte
	documents []Document
	keys      []*key // in the order in which the file first names them
	groups    []fleet.Group
	notes     []Note
}

// checkRules refuses what sops itself refuses, but for recipients that are no
// keys: they are left out, for the other readers to go on.
func (a *adoption) checkRules() error {
	for i := range a.old.Rules {
		r := &a.old.Rules[i]
		err := r.Err()
		var refused *keys.RecipientError
		switch {
		case err == nil:
		case errors.As(err, &refused) && refused.Reason == keys.PrivateKey:
			return &RefusedError{r.Line, "a private key where a recipient belongs", "replace it by its public key; as it was committed, make a new key"}
		case errors.As(err, &refused):
		default:
			return &RefusedError{r.Line, err.Error(), "mend or remove the rule; sops refuses it too"}
		}
	}
	return nil
}

// plan takes the simplest form that gives every path what the old rules gave.
func (a *adoption) plan() (*Plan, error) {
	paths := samplePaths(a.old, 1000)
	var why string
	for _, form := range []Form{Standard, Scopes, Rules} {
		text, err := a.inventory(form)
		if err != nil {
			why = err.Error()
			continue
		}
		inv, problems := fleet.Parse("keyreeve.yaml", text)
		if fault := firstError(problems); fault != nil {
			if form == Rules {
				return nil, &RefusedError{Reason: "the inventory would not be valid: " + fault.Message, Fix: fault.Fix}
			}
			why = fault.Message
			continue
		}
		written, err := inv.SopsYAML(a.outside())
		if err != nil {
			return nil, err
		}
		if different := a.compare(inv, written, paths); different != "" {
			if form == Rules {
				return nil, &RefusedError{Reason: different, Fix: "say it in rules that keyreeve can keep; see docs/adopt.md"}
			}
			why = different
			continue
		}
		p := &Plan{Form: form, Inventory: text, SopsYAML: written, Groups: inv.Groups(), Paths: len(paths)}
		if form != Standard {
			p.Why = why
		}
		a.report(p, inv)
		return p, nil
	}
	return nil, &RefusedError{Reason: why}
}

func firstError(problems []fleet.Problem) *fleet.Problem {
	for i := range problems {
		if problems[i].Severity == fleet.Error {
			return &problems[i]
		}
	}
	return nil
}
