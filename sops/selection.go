package sops

import (
	"fmt"
	"regexp"
	"strings"
)

// DefaultUnencryptedSuffix is the rule of a document that names none.
const DefaultUnencryptedSuffix = "_unencrypted"

// Selection says which values of a document are encrypted. At most one field
// is set; none means that keys ending in [DefaultUnencryptedSuffix] are not.
// A suffix or a regex is tested against every key on the path of a value, a
// comment regex against the comments before it at each level. Regexes are RE2
// and unanchored. As in sops, an invalid one matches nothing.
type Selection struct {
	UnencryptedSuffix       string
	EncryptedSuffix         string
	UnencryptedRegex        string
	EncryptedRegex          string
	UnencryptedCommentRegex string
	EncryptedCommentRegex   string
}

var selectionKeys = [...]string{
	"unencrypted_suffix", "encrypted_suffix", "unencrypted_regex",
	"encrypted_regex", "unencrypted_comment_regex", "encrypted_comment_regex",
}

func (s *Selection) field(key string) *string {
	switch key {
	case "unencrypted_suffix":
		return &s.UnencryptedSuffix
	case "encrypted_suffix":
		return &s.EncryptedSuffix
	case "unencrypted_regex":
		return &s.UnencryptedRegex
	case "encrypted_regex":
		return &s.EncryptedRegex
	case "unencrypted_comment_regex":
		return &s.UnencryptedCommentRegex
	case "encrypted_comment_regex":
		return &s.EncryptedCommentRegex
	}
	return nil
}

// Validate reports an error if more than one rule is set or a regex is invalid.
func (s Selection) Validate() error {
	count := 0
	for _, key := range selectionKeys {
		value := *s.field(key)
		if value == "" {
			continue
		}
		count++
		if strings.HasSuffix(key, "regex") {
			if _, err := regexp.Compile(value); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	if count > 1 {
		return fmt.Errorf("more than one of %s", strings.Join(selectionKeys[:], ", "))
	}
	return nil
}

// Rule returns the one field that is set and its value, as sops names it.
func (s Selection) Rule() (key, value string) {
	for _, key := range selectionKeys {
		if value := *s.field(key); value != "" {
			return key, value
		}
	}
	return "unencrypted_suffix", DefaultUnencryptedSuffix
}

// selector is a compiled Selection.
type selector struct {
	Selection
	regex        *regexp.Regexp
	hasRegex     bool
	usesComments bool
}

func (s Selection) compile() *selector {
	if s == (Selection{}) {
		s.UnencryptedSuffix = DefaultUnencryptedSuffix
	}
	c := &selector{Selection: s}
	for _, pattern := range []string{s.UnencryptedRegex, s.EncryptedRegex, s.UnencryptedCommentRegex, s.EncryptedCommentRegex} {
		if pattern != "" {
			c.hasRegex = true
			c.regex, _ = regexp.Compile(pattern)
		}
	}
	c.usesComments = s.UnencryptedCommentRegex != "" || s.EncryptedCommentRegex != ""
	return c
}

func (c *selector) matches(text string) bool { return c.regex != nil && c.regex.MatchString(text) }

// keyHit reports whether one key decides over the subtree below it.
func (c *selector) keyHit(key string) bool {
	switch {
	case c.UnencryptedSuffix != "":
		return strings.HasSuffix(key, c.UnencryptedSuffix)
	case c.EncryptedSuffix != "":
		return strings.HasSuffix(key, c.EncryptedSuffix)
	case c.hasRegex && !c.usesComments:
		return c.matches(key)
	}
	return false
}

// encrypts reports whether a value is encrypted, given whether any key on its
// path is a hit, and the comments before it at each level. The comment that
// matches an encrypted_comment_regex stays readable itself.
func (c *selector) encrypts(hit bool, comments [][]string, isComment bool) bool {
	switch {
	case c.UnencryptedCommentRegex != "":
		return !c.commentHit(comments, false)
	case c.EncryptedCommentRegex != "":
		return c.commentHit(comments, isComment)
	case c.EncryptedSuffix != "" || c.EncryptedRegex != "":
		return hit
	}
	return !hit
}

func (c *selector) commentHit(comments [][]string, skipLast bool) bool {
	for i, level := range comments {
		if skipLast && i == len(comments)-1 && len(level) > 0 {
			level = level[:len(level)-1]
		}
		for _, comment := range level {
			if c.matches(comment) {
				return true
			}
		}
	}
	return false
}
