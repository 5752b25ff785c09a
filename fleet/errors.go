package fleet

import (
	"fmt"
	"strings"
)

// A NotFoundError reports a name that the inventory does not have.
type NotFoundError struct {
	What    string // "principal", "recipient", "retired recipient"
	Name    string
	Nearest string // the name that was probably meant, or ""
}

func (e *NotFoundError) Error() string {
	s := fmt.Sprintf("the inventory has no %s %s", e.What, quote(e.Name))
	if e.Nearest != "" {
		s += "; nearest: " + e.Nearest
	}
	return s
}

// An AmbiguousError reports a bare name that several principals have.
type AmbiguousError struct {
	Name       string
	Candidates []Principal
}

func (e *AmbiguousError) Error() string {
	var names []string
	for _, c := range e.Candidates {
		names = append(names, c.String())
	}
	return fmt.Sprintf("%s may be %s; write the kind too", quote(e.Name), strings.Join(names, " or "))
}

// A NameError reports a name that a principal or recipient cannot have.
type NameError struct {
	Kind       PrincipalKind // "" for the name of a recipient
	Name       string
	Reason     string
	Suggestion string // a name that would do, or ""
}

func (e *NameError) Error() string {
	what := string(e.Kind)
	if what == "" {
		what = "recipient"
	}
	s := fmt.Sprintf("%s is no name for a %s: %s", quote(e.Name), what, e.Reason)
	if e.Suggestion != "" {
		s += "; try " + e.Suggestion
	}
	return s
}

// An ExistsError reports a name that is taken within its kind.
type ExistsError struct {
	Principal Principal
	Recipient string // the name of the recipient that exists already, or ""
}

func (e *ExistsError) Error() string {
	if e.Recipient != "" {
		return fmt.Sprintf("%s already has a recipient named %q", e.Principal, e.Recipient)
	}
	return e.Principal.String() + " already exists"
}

// A RecipientInUseError reports a recipient that a principal owns or, if
// Retired, once owned: bringing it back needs [Inventory.Unretire] first.
type RecipientInUseError struct {
	Recipient string
	Owner     Principal
	Name      string // of the recipient; "" if retired
	Retired   bool
}

func (e *RecipientInUseError) Error() string {
	if e.Retired {
		return fmt.Sprintf("recipient %s was retired from %s", shorten(e.Recipient), e.Owner)
	}
	return fmt.Sprintf("recipient %s already belongs to %s", shorten(e.Recipient), named(e.Owner, e.Name))
}

// A KindError reports an edit that principals of this kind have no use for.
type KindError struct {
	Principal Principal
	Operation string
}

func (e *KindError) Error() string {
	return fmt.Sprintf("%s: a %s %s", e.Principal, e.Principal.Kind, e.Operation)
}

// An InvalidError reports an edit that would leave the inventory with faults it
// did not have before. The inventory is as it was.
type InvalidError struct{ Problems []Problem }

func (e *InvalidError) Error() string {
	s := "the inventory would not be valid: " + e.Problems[0].Message
	if more := len(e.Problems) - 1; more > 0 {
		s += fmt.Sprintf(" (and %d more)", more)
	}
	return s
}

// A ConflictError reports why the block in .sops.yaml cannot be written beside
// what else is in the file.
type ConflictError struct {
	Line   int // 1-based, 0 for the whole file
	Reason string
	Fix    string
}

func (e *ConflictError) Error() string {
	s := ".sops.yaml"
	if e.Line > 0 {
		s += fmt.Sprintf(":%d", e.Line)
	}
	return s + ": " + e.Reason
}

// named returns a principal with the name of one of its recipients.
func named(p Principal, recipient string) string {
	if recipient == "" {
		return p.String()
	}
	return fmt.Sprintf("%s (%s)", p, recipient)
}
