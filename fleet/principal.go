package fleet

import (
	"slices"
	"strings"
)

// A PrincipalKind says what a principal is.
type PrincipalKind string

// The kinds of principal.
const (
	UserKind     PrincipalKind = "user"
	HostKind     PrincipalKind = "host"
	GroupKind    PrincipalKind = "group"
	RecoveryKind PrincipalKind = "recovery"
)

// kinds is the order in which principals are listed.
var kinds = []PrincipalKind{UserKind, HostKind, GroupKind, RecoveryKind}

// A Principal names a user, host, group or recovery recipient.
type Principal struct {
	Kind PrincipalKind
	Name string
}

// String returns the principal with its kind, such as "host/potato".
func (p Principal) String() string { return string(p.Kind) + "/" + p.Name }

// ParsePrincipal parses kind/name. It does not ask whether there is such a
// principal; see [Inventory.Find].
func ParsePrincipal(s string) (Principal, bool) {
	kind, name, ok := strings.Cut(s, "/")
	p := Principal{PrincipalKind(kind), name}
	if !ok || !slices.Contains(kinds, p.Kind) || !isName(name) {
		return Principal{}, false
	}
	return p, true
}

const namePattern = `^[a-z0-9][a-z0-9._-]{0,62}$`

// isName reports whether s matches namePattern, which takes longer to compile
// than a whole inventory to check.
func isName(s string) bool {
	for i, c := range []byte(s) {
		inside := i > 0 && (c == '.' || c == '_' || c == '-')
		if !inside && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 63
}

// isReader reports whether s is a principal with its kind.
func isReader(s string) bool {
	_, ok := ParsePrincipal(s)
	return ok
}

// isOwner is isReader for those that have recipients.
func isOwner(s string) bool {
	p, ok := ParsePrincipal(s)
	return ok && p.Kind != GroupKind
}

// reservedHosts are the folders of the layout that belong to no single host.
var reservedHosts = []string{"common", "users", "groups"}

// CheckName returns a *[NameError] if a principal of this kind cannot have this
// name.
func CheckName(kind PrincipalKind, name string) error {
	if !isName(name) {
		return &NameError{Kind: kind, Name: name, Suggestion: suggestName(name),
			Reason: "a name has 1 to 63 of a-z 0-9 . _ - and begins with a letter or digit"}
	}
	if kind == HostKind && slices.Contains(reservedHosts, name) {
		return &NameError{Kind: kind, Name: name, Reason: "secrets/" + name + " is a folder of the layout"}
	}
	return nil
}

// suggestName returns the valid name nearest to s, or "".
func suggestName(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() == 0:
		case strings.ContainsRune("._-", r):
			b.WriteRune(r)
		default:
			b.WriteByte('-')
		}
		if b.Len() == 63 {
			break
		}
	}
	return strings.TrimRight(b.String(), "-")
}

// nearest returns the candidate that s was most likely meant to be, or "".
func nearest(s string, candidates []string) string {
	best, least := "", max(2, len(s)/3)+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(s), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is the number of characters to insert, drop, change or swap.
func distance(a, b string) int {
	if len(a) > 128 || len(b) > 128 {
		return max(len(a), len(b))
	}
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
