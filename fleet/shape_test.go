package fleet

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// The schema publishes a pattern, the decoder runs code: they must agree.
func TestFormatsMatchTheirPatterns(t *testing.T) {
	for _, f := range []*format{nameFormat, readerFormat, ownerFormat, dateFormat, intervalFormat} {
		pattern := regexp.MustCompile(f.pattern)
		texts := rapid.OneOf(
			rapid.StringMatching(f.pattern),
			rapid.StringMatching(`((user|host|group|recovery|x)/)?[a-zA-Z0-9._/-]{0,66}`),
			rapid.Custom(func(t *rapid.T) string {
				return rapid.StringMatching(f.pattern).Draw(t, "right") + rapid.SampledFrom([]string{"\n", "/", "é", "A", "x"}).Draw(t, "more")
			}))
		rapid.Check(t, func(t *rapid.T) {
			s := texts.Draw(t, "text")
			if f.matches(s) != pattern.MatchString(s) {
				t.Errorf("%q: %v, and %v by %s", s, f.matches(s), !f.matches(s), f.pattern)
			}
		})
	}
}
