package keys

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// A Reason says why a text is no usable recipient.
type Reason int

// The reasons.
const (
	Malformed   Reason = iota // it does not parse
	PrivateKey                // a private key stands where a public one belongs
	Placeholder               // an example such as age1xxxx… was left in place
	Unsupported               // a key, but of a type that age cannot encrypt to
)

// String returns the reason in words.
func (r Reason) String() string {
	switch r {
	case Malformed:
		return "malformed recipient"
	case PrivateKey:
		return "private key where a recipient belongs"
	case Placeholder:
		return "placeholder instead of a recipient"
	case Unsupported:
		return "unsupported recipient"
	}
	return fmt.Sprintf("Reason(%d)", int(r))
}

// A RecipientError says why a text was refused as a recipient.
type RecipientError struct {
	Reason Reason
	Input  string // the beginning of the text; "" if it may be secret
	Hint   string // what to do about it
}

func (e *RecipientError) Error() string {
	s := e.Reason.String()
	if e.Input != "" {
		s += fmt.Sprintf(" %q", e.Input)
	}
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

// maxRecipient bounds what is parsed at all; a post-quantum recipient has 1,960
// characters, an RSA key of 16,384 bits 2,800.
const maxRecipient = 8 << 10

// Expressions are compiled when they are needed, which for a good recipient is
// never.
var (
	changeMe       = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`change.?me`) })
	pgpFingerprint = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(0x)?[0-9A-Fa-f]{16,40}$`) })
)

// holdsPrivateKey reports whether s may hold a private key, in whatever case.
func holdsPrivateKey(s string) bool {
	s = strings.ToUpper(s)
	return strings.Contains(s, "AGE-SECRET-KEY-") || strings.Contains(s, "AGE-PLUGIN-") ||
		strings.Contains(s, "-----BEGIN") && strings.Contains(s, "PRIVATE KEY")
}

var placeholderWords = []string{"...", "…", "<", ">", "{", "}", "replace", "placeholder", "example", "todo", "fixme", "your"}

// hasPlaceholder reports whether s is empty or holds a word that stands for a
// key.
func hasPlaceholder(s string) bool {
	s = strings.ToLower(s)
	return s == "" || slices.ContainsFunc(placeholderWords, func(w string) bool { return strings.Contains(s, w) }) ||
		strings.Contains(s, "change") && changeMe().MatchString(s)
}

// screenRecipient refuses what no parser needs to see, in this order: private
// keys first, so that nothing after it can quote one.
func screenRecipient(s string) error {
	trimmed := strings.TrimSpace(s)
	switch {
	case holdsPrivateKey(s):
		return &RecipientError{Reason: PrivateKey,
			Hint: "give the public key (age-keygen -y prints it); if this text was stored or sent, replace the key"}
	case len(s) > maxRecipient || !utf8.ValidString(s):
		return &RecipientError{Reason: Malformed, Hint: "it is too long or no text"}
	case isPlaceholder(trimmed):
		return &RecipientError{Reason: Placeholder, Input: publicStart(trimmed), Hint: "put a real public key here"}
	case trimmed != s || strings.ContainsAny(s, "\r\n"):
		return malformed(trimmed, "remove blanks and line breaks around it")
	case strings.HasPrefix(s, "AGE1"):
		return malformed(s, "write it in lower case")
	case strings.HasPrefix(s, "ecdsa-sha2-"), strings.HasPrefix(s, "sk-ssh-"), strings.HasPrefix(s, "sk-ecdsa-"), strings.HasPrefix(s, "ssh-dss"):
		kind, _, _ := strings.Cut(s, " ")
		return unsupportedSSH(kind)
	case len(s) <= len("0x")+40 && pgpFingerprint().MatchString(s):
		return &RecipientError{Reason: Unsupported, Hint: "this looks like a PGP key; only age and SSH keys are recipients"}
	case strings.HasPrefix(s, "arn:"):
		return &RecipientError{Reason: Unsupported, Hint: "this looks like a KMS key; only age and SSH keys are recipients"}
	}
	return nil
}

// isPlaceholder reports whether s is an example left in place: a word such as
// CHANGEME, or a prefix followed by one character again and again. No real key
// looks so: 16 equal characters have a chance of one in 2^75.
func isPlaceholder(s string) bool {
	rest, isAge := strings.CutPrefix(strings.ToLower(s), "age1")
	rest = strings.TrimPrefix(rest, "pq1")
	if isAge && allEqual(rest) {
		return true
	}
	if kind, blob, ok := strings.Cut(s, " "); ok && strings.HasPrefix(kind, "ssh-") {
		// The comment after an SSH key is free text.
		blob, _, _ = strings.Cut(blob, " ")
		return blob != "" && len(blob) < 64 && (hasPlaceholder(blob) || allEqual(strings.TrimPrefix(blob, "AAAA")))
	}
	return len(s) < 64 && hasPlaceholder(s) || isAge && len(s) < 64 && strings.Contains(rest, "xxxx") && !strings.Contains(rest, "1")
}

// allEqual reports whether s repeats one character; so does the empty string.
func allEqual(s string) bool {
	return s == "" || strings.Count(s, s[:1]) == len(s)
}

func malformed(input, hint string) error {
	return &RecipientError{Reason: Malformed, Input: publicStart(input), Hint: hint}
}

func unsupportedSSH(kind string) error {
	return &RecipientError{Reason: Unsupported, Input: abbreviate(kind),
		Hint: "age can encrypt to ssh-ed25519 and ssh-rsa keys only"}
}

// publicStart returns the first few characters of s, enough to find it by, if
// it begins as a public key does, else "". Other text may be a secret in the
// wrong place; so may be what follows age1 in upper case, or a mangled private
// key in lower case, of which six characters say nothing.
func publicStart(s string) string {
	most := 0
	switch {
	case strings.HasPrefix(s, "age1"):
		most = len("age1") + 6
	case strings.HasPrefix(s, "ssh-"):
		most = 40 // all ed25519 keys begin with the same 36
	}
	runes := []rune(s)
	switch {
	case most == 0:
		return ""
	case len(runes) > most:
		return string(runes[:most]) + "…"
	}
	return s
}

// abbreviate shortens a public key for a message.
func abbreviate(s string) string {
	const most = 24
	// A native recipient has 62 characters and is shown whole: people compare
	// them.
	if utf8.RuneCountInString(s) <= 62 {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
