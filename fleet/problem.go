package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Severity says what a problem means for writes.
type Severity string

// The severities. Writes refuse an inventory that has an Error.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// A Problem is one fault of an inventory or of a .sops.yaml.
type Problem struct {
	Code         string // stable, KR0xx
	Severity     Severity
	File         string
	Line, Column int // 1-based; 0 where the whole file is meant
	Message      string
	Fix          string
}

// String returns the problem on one line, place first.
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s %s: %s", p.File, p.Line, p.Column, p.Code, p.Severity, p.Message)
	if p.Fix != "" {
		s += "; fix: " + p.Fix
	}
	return s
}

// The codes of problems. They are stable; a new problem gets a new code.
const (
	CodeSyntax          = "KR001" // not the YAML that an inventory is written in
	CodeUnknownField    = "KR002"
	CodeWrongType       = "KR003" // a map where a text belongs, and so on
	CodeWrongValue      = "KR004" // the right type, but no valid value
	CodeMissingField    = "KR005"
	CodeDuplicate       = "KR006" // a name twice in a kind
	CodeName            = "KR007" // a name that nothing can have
	CodeHostFolder      = "KR008" // a host named as another folder of the layout
	CodeMalformed       = "KR010" // malformed recipient
	CodePlaceholder     = "KR011" // placeholder recipient
	CodePrivateKey      = "KR012" // private key where a recipient belongs
	CodeUnsupported     = "KR013" // a key that age cannot encrypt to
	CodeSharedRecipient = "KR014" // one recipient under two principals
	CodeUnknownMember   = "KR015" // of a group, a host's users, a scope's readers
	CodeStillActive     = "KR016" // a retired recipient that a principal still owns
	CodeScopePath       = "KR017"
	CodeRegex           = "KR018"
	CodeLayout          = "KR019" // scopes and rules together, rules under standard
	CodeSelection       = "KR020" // more than one selection rule, or groups without sense
	CodeRef             = "KR021"
	CodeLoneReader      = "KR030" // warnings from here on
	CodeNoRecovery      = "KR031"
	CodeShadowed        = "KR032" // a rule or scope that can never apply
	CodeUnanchored      = "KR033"
	CodeNoRecipient     = "KR034" // a principal without recipient
	CodeNoInterval      = "KR036" // a category without interval
)

func severityOf(code string) Severity {
	if code >= CodeLoneReader {
		return Warning
	}
	return Error
}

func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code))
	})
}

// secretLike reports whether s may hold a private key, in whatever case and place.
func secretLike(s string) bool {
	s = strings.ToUpper(s)
	return strings.Contains(s, "AGE-SECRET-KEY-") || strings.Contains(s, "AGE-PLUGIN-") || strings.Contains(s, "PRIVATE KEY")
}

// quote quotes text of the inventory for a message: shortened, and not at all
// if it may hold a private key.
func quote(s string) string {
	if secretLike(s) {
		return "(not shown: it looks like a private key)"
	}
	return fmt.Sprintf("%q", shorten(s))
}

func shorten(s string) string {
	const most = 80
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:24]) + "…"
}

// listed joins names for a message.
func listed(names []string, most int) string {
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
