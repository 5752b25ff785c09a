package sops

import "strings"

// maxSimpleKey is a little below the length of a key that YAML reads without a
// question mark.
const maxSimpleKey = 1000

// isPlainText reports whether a string is surely written as it is and read back
// as a string: a letter, then printable ASCII without what ends a plain scalar,
// and no word of YAML's own.
func isPlainText(s string) bool {
	if s == "" || !isASCIILetter(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c < ' ' || c > '~':
			return false
		case c == '#' && s[i-1] == ' ', c == ' ' && s[i-1] == ':':
			return false
		}
	}
	if last := s[len(s)-1]; last == ' ' || last == ':' {
		return false
	}
	if len(s) > 5 {
		return true
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return false
	}
	return true
}

func isASCIILetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// isPlainStart reports whether a scalar begins with what has no meaning of its
// own in YAML.
func isPlainStart(s string) bool {
	switch c := s[0]; {
	case isASCIILetter(c), c >= '0' && c <= '9', strings.IndexByte("_./+~$(", c) >= 0:
		return !strings.HasPrefix(s, "...")
	case c == '-':
		return len(s) > 1 && s[1] >= '0' && s[1] <= '9'
	}
	return false
}

// splitKey splits "key: value" and "key:", where the key is a plain or quoted
// string without escapes.
func splitKey(line string) (key, value string, ok bool) {
	var rest string
	if line != "" && (line[0] == '"' || line[0] == '\'') {
		end := strings.IndexByte(line[1:], line[0])
		if end < 0 || strings.ContainsAny(line[1:1+end], `\`) {
			return "", "", false
		}
		key, rest = line[1:1+end], line[end+2:]
	} else {
		end := strings.Index(line, ": ")
		if end < 0 && strings.HasSuffix(line, ":") {
			end = len(line) - 1
		}
		if end < 0 || !isPlainText(line[:end]) {
			return "", "", false
		}
		key, rest = line[:end], line[end:]
	}
	if len(key) > maxSimpleKey || rest == "" || rest[0] != ':' {
		return "", "", false
	}
	value = strings.Trim(rest[1:], " ")
	return key, value, len(rest) == 1 || rest[1] == ' '
}

// cutComment splits a scalar from the comment behind it. Quoted scalars that
// hold a "#" do not count on it.
func cutComment(text string) (scalar, comment string) {
	from := 0
	if text[0] == '"' || text[0] == '\'' {
		from = strings.LastIndexByte(text, text[0])
	}
	at := strings.Index(text[from:], " #")
	if at < 0 {
		return text, ""
	}
	return strings.TrimRight(text[:from+at], " "), text[from+at+1:]
}

func cutQuotes(text string, quote byte) (string, bool) {
	if len(text) < 2 || text[len(text)-1] != quote {
		return "", false
	}
	return text[1 : len(text)-1], true
}
