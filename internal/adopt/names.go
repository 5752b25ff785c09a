package adopt

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"keyreeve/fleet"
)

// A key is one age recipient of the old file, or a placeholder for one.
type key struct {
	recipient string
	usable    bool
	line      int
	rules     []int // of the rules that name it
	principal fleet.Principal
	label     string // the name of the recipient within its principal
	from      string
	comment   string
	admin     bool
}

// kindWords are the words in anchors, field names and folders that say what a
// principal is.
var kindWords = map[string]fleet.PrincipalKind{
	"admin": fleet.UserKind, "admins": fleet.UserKind, "user": fleet.UserKind, "users": fleet.UserKind,
	"people": fleet.UserKind, "home": fleet.UserKind, "person": fleet.UserKind, "dev": fleet.UserKind, "devs": fleet.UserKind,
	"host": fleet.HostKind, "hosts": fleet.HostKind, "server": fleet.HostKind, "servers": fleet.HostKind,
	"machine": fleet.HostKind, "machines": fleet.HostKind, "system": fleet.HostKind, "systems": fleet.HostKind,
	"nixos": fleet.HostKind, "node": fleet.HostKind, "nodes": fleet.HostKind,
	"recovery": fleet.RecoveryKind, "backup": fleet.RecoveryKind, "offline": fleet.RecoveryKind, "escrow": fleet.RecoveryKind,
}

var (
	beforeName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^([a-z]+)[_.-](.+)$`) })
	oneWord    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{1,40}$`) })
	possessive = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_.-]*)['’]s? [\w -]{1,40}$`)
	})
)

// name finds the keys of the rules and gives each a principal.
func (a *adoption) name() {
	for i, r := range a.old.Rules {
		for _, g := range r.Groups {
			for _, recipient := range g.Age {
				k := a.keyOf(recipient)
				if k == nil {
					k = &key{recipient: recipient, usable: fleet.CheckRecipient(recipient) == nil, line: r.Line}
					a.keys = append(a.keys, k)
				}
				if !slices.Contains(k.rules, i) {
					k.rules = append(k.rules, i)
				}
			}
		}
	}
	for _, k := range a.keys {
		k.admin = len(k.rules) == len(a.old.Rules)
		a.nameByMention(k)
	}
	slices.SortStableFunc(a.keys, func(x, y *key) int { return cmp.Compare(a.position(x), a.position(y)) })
	for _, k := range a.keys {
		if k.principal.Name == "" {
			a.nameByPath(k)
		}
	}
	for _, k := range a.keys {
		a.nameAnyhow(k)
	}
	a.unused()
}

// keyOf returns the key of a recipient; SSH keys are compared without their
// comments.
func (a *adoption) keyOf(recipient string) *key {
	for _, k := range a.keys {
		if sameRecipient(k.recipient, recipient) {
			return k
		}
	}
	return nil
}

// position returns where the file first has the key.
func (a *adoption) position(k *key) int {
	return slices.IndexFunc(a.old.Mentions, func(m fleet.Mention) bool {
		return slices.ContainsFunc(m.Keys, func(s string) bool { return sameRecipient(s, k.recipient) })
	})
}

func sameRecipient(a, b string) bool { return bare(a) == bare(b) }

// bare returns a recipient without the comment of an SSH key.
func bare(s string) string {
	if fields := strings.Fields(s); strings.HasPrefix(s, "ssh-") && len(fields) > 2 {
		return fields[0] + " " + fields[1]
	}
	return s
}

// nameByMention takes a name from the anchor, the field or the comment of the
// place where the key is written.
func (a *adoption) nameByMention(k *key) {
	for _, m := range a.old.Mentions {
		if len(m.Keys) != 1 || !sameRecipient(m.Keys[0], k.recipient) {
			continue
		}
		k.line = m.Line
		if k.comment == "" {
			k.comment = m.Comment
		}
		fieldKind := kindWords[strings.ToLower(m.Field)]
		switch {
		case k.from == "" && m.Anchor != "":
			k.called(m.Anchor, fieldKind, "anchor "+m.Anchor)
		case k.from == "" && fieldKind == "" && oneWord().MatchString(m.Field) && !slices.Contains([]string{"age", "keys"}, m.Field):
			k.called(m.Field, "", "field "+m.Field)
		}
		if name := commentName(m.Comment); k.from == "" && name != "" {
			k.called(name, fieldKind, "comment")
		}
	}
	if fields := strings.Fields(k.recipient); k.from == "" && strings.HasPrefix(k.recipient, "ssh-") && len(fields) > 2 {
		user, host, _ := strings.Cut(fields[2], "@")
		if user == "root" && host != "" {
			k.called(host, fleet.HostKind, "comment of the key")
		} else {
			k.called(user, fleet.UserKind, "comment of the key")
		}
	}
}

// commentName returns the name in a comment that is one, or says whose key it is.
func commentName(comment string) string {
	if m := possessive().FindStringSubmatch(comment); m != nil {
		return m[1]
	}
	if oneWord().MatchString(comment) {
		return comment
	}
	return ""
}

// called gives the key a name, whose first word may say its kind.
func (k *key) called(name string, kind fleet.PrincipalKind, from string) {
	k.from = from
	if m := beforeName().FindStringSubmatch(name); m != nil {
		if said := kindWords[strings.ToLower(m[1])]; said != "" {
			kind, name = said, m[2]
		}
	}
	k.principal = fleet.Principal{Kind: kind, Name: validName(name)}
}

// validName returns the nearest name that a principal can have, or "".
func validName(s string) string {
	s = strings.ToLower(strings.ReplaceAll(s, "@", "-"))
	var refused *fleet.NameError
	if err := fleet.CheckName(fleet.UserKind, s); err == nil {
		return s
	} else if e, ok := err.(*fleet.NameError); ok {
		refused = e
	}
	if refused == nil {
		return ""
	}
	return refused.Suggestion
}

// place is a folder of principals in a path, and the name of one.
var place = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:^|/)(hosts?|machines?|systems?|servers?|nodes?|nixos|users?|people|home)/([A-Za-z0-9][A-Za-z0-9._-]*)`)
})

// ending is that of a document, which is no part of a name; what an expression
// such as (yaml|json) leaves of it is a dot.
var ending = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\.(ya?ml|json|env|ini|bin)?$`) })

// nameByPath names the key that a rule for one host or user has to itself.
func (a *adoption) nameByPath(k *key) {
	for _, i := range k.rules {
		kind, name := a.placeOf(i)
		if name == "" || a.named(kind, name) {
			continue
		}
		alone := !slices.ContainsFunc(a.keys, func(o *key) bool {
			return o != k && o.from == "" && slices.Contains(o.rules, i) && len(o.rules) <= len(k.rules)
		})
		if alone {
			k.principal = fleet.Principal{Kind: kind, Name: validName(name)}
			k.from = "path " + a.old.Rules[i].PathRegex
			return
		}
	}
}

// placeOf returns whose folder a rule is for.
func (a *adoption) placeOf(rule int) (fleet.PrincipalKind, string) {
	path := strings.NewReplacer(`\.`, ".", "^", "", "$", "").Replace(a.old.Rules[rule].PathRegex)
	if m := place().FindStringSubmatch(path); m != nil {
		return kindWords[strings.ToLower(m[1])], ending().ReplaceAllString(m[2], "")
	}
	if m := regexp.MustCompile(`^/?secrets/([A-Za-z0-9][A-Za-z0-9_-]*)(?:/|\.(?:yaml|json))`).FindStringSubmatch(path); m != nil &&
		!slices.Contains([]string{"common", "users", "groups", "shared", "global"}, m[1]) {
		return fleet.HostKind, m[1]
	}
	return "", ""
}

func (a *adoption) named(kind fleet.PrincipalKind, name string) bool {
	return slices.ContainsFunc(a.keys, func(k *key) bool { return k.principal == fleet.Principal{Kind: kind, Name: validName(name)} })
}

// nameAnyhow completes a name: the kind that nothing said, a number where a name
// is taken.
func (a *adoption) nameAnyhow(k *key) {
	p := &k.principal
	if p.Kind == "" {
		p.Kind = a.guessKind(k)
	}
	if p.Name == "" {
		p.Name = string(p.Kind)
		if k.from == "" {
			k.from = "no name was found"
		}
	}
	if p.Kind == fleet.HostKind && fleet.CheckName(fleet.HostKind, p.Name) != nil {
		p.Name += "-host"
	}
	first := p.Name
	for n := 2; slices.ContainsFunc(a.keys, func(o *key) bool { return o != k && o.principal == *p }); n++ {
		p.Name = fmt.Sprintf("%s-%d", first, n)
	}
	k.label = "key"
	if p.Kind == fleet.HostKind {
		k.label = "host"
	}
}

// guessKind says what a principal is that nothing names: what a rule for its
// folder says; a user if it reads everything, or the folders of several.
func (a *adoption) guessKind(k *key) fleet.PrincipalKind {
	places := map[string]bool{}
	for _, i := range k.rules {
		kind, name := a.placeOf(i)
		if name != "" && validName(name) == k.principal.Name {
			return kind
		}
		if name != "" {
			places[name] = true
		}
	}
	if k.admin || len(places) > 1 {
		return fleet.UserKind
	}
	return fleet.HostKind
}

// unused notes keys that are declared and that no rule names.
func (a *adoption) unused() {
	for _, k := range a.keys {
		if !k.usable {
			a.note("placeholder", k.line, fmt.Sprintf("%s has no recipient: %s is no key", k.principal, short(k.recipient)))
		}
	}
	for _, m := range a.old.Mentions {
		if len(m.Keys) == 1 && fleet.CheckRecipient(m.Keys[0]) == nil && a.keyOf(m.Keys[0]) == nil {
			what := short(m.Keys[0])
			if m.Anchor != "" {
				what = m.Anchor + " (" + what + ")"
			}
			a.note("unused", m.Line, what+" is in no rule and is left out")
		}
	}
}

func (a *adoption) note(kind string, line int, text string) {
	a.notes = append(a.notes, Note{kind, line, text})
}

// short shortens a recipient for a message.
func short(s string) string {
	if len(s) > 24 {
		return s[:12] + "…" + s[len(s)-4:]
	}
	return s
}
