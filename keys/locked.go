package keys

import (
	"slices"
	"sync"
)

// A lockedSource yields identities when it is opened, once, or once for each
// recipient if perRecipient.
type lockedSource struct {
	source       Source
	needs        string
	recipients   []string // nil: not known
	sshTag       string   // of a locked SSH key, see sshTag
	perRecipient bool
	open         func(recipient string) ([]*Identity, error)

	mu     sync.Mutex
	opened map[string][]*Identity
}

// lock adds a source. A file that is reached in two ways is asked for once.
func (r *Ring) lock(source *lockedSource) {
	r.mu.Lock()
	defer r.mu.Unlock()
	same := func(other *lockedSource) bool {
		return source.source.Path != "" && source.source.Path == other.source.Path
	}
	if !slices.ContainsFunc(r.locked, same) {
		r.locked = append(r.locked, source)
	}
}

// lockedSources returns the sources in the order in which they are opened:
// what asks nobody comes before what needs a passphrase.
func (r *Ring) lockedSources() []*lockedSource {
	r.mu.Lock()
	defer r.mu.Unlock()
	sources := slices.Clone(r.locked)
	rank := func(s *lockedSource) int {
		switch {
		case s.needs == needsCommand:
			return 0
		case s.recipients != nil:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(sources, func(a, b *lockedSource) int { return rank(a) - rank(b) })
	return sources
}

// What opening a source takes.
const (
	needsCommand    = "command"
	needsPassphrase = "passphrase"
)

func (s *lockedSource) wasOpened() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened != nil
}

// mayOpen reports whether opening the source could help: nobody is asked for
// the passphrase of a key that is known to be another one.
func (s *lockedSource) mayOpen(recipient string, stanzas [][]string) bool {
	if s.recipients == nil || slices.Contains(s.recipients, recipient) {
		return true
	}
	for _, stanza := range stanzas {
		if len(stanza) > 1 && s.sshTag != "" && stanza[1] == s.sshTag {
			return true
		}
	}
	return false
}

// get opens the source for recipient. A failure becomes a problem of the ring
// and is not tried again; what is found joins the ring.
func (s *lockedSource) get(r *Ring, recipient string) []*Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := ""
	if s.perRecipient {
		key = recipient
	}
	if ids, ok := s.opened[key]; ok {
		return ids
	}
	ids, err := s.open(recipient)
	if s.opened == nil {
		s.opened = make(map[string][]*Identity)
	}
	s.opened[key] = ids
	r.Add(ids...)
	if err != nil {
		r.note(s.source, err)
	}
	return ids
}

// note records a problem, once.
func (r *Ring) note(source Source, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := func(p Problem) bool { return p.Source == source && p.Err.Error() == err.Error() }
	if !slices.ContainsFunc(r.problems, known) {
		r.problems = append(r.problems, Problem{Source: source, Err: err})
	}
}
