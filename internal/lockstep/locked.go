package lockstep

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyreeve/fleet"
	"keyreeve/keys"
	"keyreeve/sops"
)

// lockedError says who reads a document, what was tried, and what to do.
func (s *Session) lockedError(path string, d *sops.Document, cause error) error {
	e := &LockedError{Path: path, Readers: s.Principals(nil, d.Metadata.Recipients()), Err: cause}
	var missing *keys.NoIdentityError
	if !errors.As(cause, &missing) {
		return e
	}
	for _, tried := range missing.Tried {
		t := Tried{Tried: tried}
		if owner, name, retired, known := s.Inventory.Owner(tried.Recipient); known {
			t.Principal = fmt.Sprintf("%s (%s)", owner, name)
			if retired {
				t.Principal = owner.String() + ", retired"
			}
		}
		e.Tried = append(e.Tried, t)
	}
	e.Advice = s.advice(path, missing.Tried)
	return e
}

// Principals returns who owns recipients by an inventory, the session's where
// that is nil, each with the names of these recipients: user/tim (laptop, yubikey).
func (s *Session) Principals(inventory *fleet.Inventory, recipients []string) []string {
	if inventory == nil {
		inventory = s.Inventory
	}
	var order []string
	names := map[string][]string{}
	for _, recipient := range recipients {
		owner, name, retired, known := inventory.Owner(recipient)
		who := owner.String()
		switch {
		case !known:
			who = "unknown/" + Short(recipient)
		case retired && inventory.Has(owner):
			name = "old key"
		case retired:
			name = ""
		case owner.Kind == fleet.RecoveryKind:
			name = ""
		}
		if _, seen := names[who]; !seen {
			order = append(order, who)
			names[who] = nil
		}
		if known && name != "" && !slices.Contains(names[who], name) {
			names[who] = append(names[who], name)
		}
	}
	for i, who := range order {
		if len(names[who]) > 0 {
			order[i] = who + " (" + strings.Join(names[who], ", ") + ")"
		}
	}
	return order
}

// advice says what somebody with these identities can do about a document that
// none of them opens.
func (s *Session) advice(path string, tried []keys.Tried) string {
	decision, _ := s.Policy.For(path)
	unknown, owner, former := "", "", ""
	for _, t := range tried {
		p, _, retired, known := s.Inventory.Owner(t.Recipient)
		if !known && len(t.Recipient) <= nativeLength && (unknown == "" || !strings.HasPrefix(unknown, "age1")) {
			unknown = t.Recipient
		}
		if retired {
			former = p.String()
		}
		if !known || retired {
			continue
		}
		if _, reads := decision.Reader(p); reads {
			return p.String() + " may read it, but it was encrypted without that key: a reader runs keyreeve rekey " + path
		}
		owner = p.String()
	}
	switch {
	case owner != "":
		return "policy does not let " + owner + " read it: keyreeve access explain " + owner + " " + s.Repo.Name(path)
	case former != "":
		return "a key of " + former + " was retired; what was encrypted since is closed to it"
	case unknown != "":
		return "a reader adds your key: keyreeve user recipient add USER KEYNAME " + unknown
	}
	return "no identity was found: keyreeve key ls says where it looks"
}

// nativeLength is that of an X25519 recipient, the longest that is shown whole.
const nativeLength = 62

// Short shortens a recipient for a line of text: age1qqp…w3x.
func Short(recipient string) string {
	const head, tail = 7, 3
	kind, key, ssh := strings.Cut(recipient, " ")
	if ssh {
		key, _, _ = strings.Cut(key, " ")
		return kind + " …" + key[max(0, len(key)-2*tail):]
	}
	if len(recipient) <= head+tail {
		return recipient
	}
	return recipient[:head] + "…" + recipient[len(recipient)-tail:]
}
