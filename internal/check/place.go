package check

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"keyreeve/internal/repo"
)

var plainSegment = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._@+-]*$`) })

// names reports documents whose names refs, shells or people stumble over.
func names(paths []string) []Finding {
	var found []Finding
	short := repo.Names(paths)
	for i, p := range paths {
		for segment := range strings.SplitSeq(p, "/") {
			if !plainSegment().MatchString(segment) {
				found = append(found, finding(CodeName, p, fmt.Sprintf("the name %q is awkward", segment),
					"plain names have A-Z a-z 0-9 . _ - + @ only; others need quoting in shells and refs", "rename it with keyreeve mv"))
				break
			}
		}
		if i > 0 && stem(p) == stem(paths[i-1]) && strings.HasSuffix(short[i], path.Ext(p)) && path.Ext(p) != "" {
			found = append(found, finding(CodeName, p, "only its ending tells it from "+paths[i-1],
				"refs to either need the ending", "rename one with keyreeve mv"))
		}
	}
	return found
}

func stem(p string) string { return strings.TrimSuffix(p, path.Ext(p)) }

func symlinks(links []string) []Finding {
	var found []Finding
	for _, p := range links {
		found = append(found, finding(CodeLink, p, "a symbolic link stands where documents lie",
			"keyreeve follows no links, so that what is behind it is not kept in step", "put the document itself here, or remove the link"))
	}
	return found
}
