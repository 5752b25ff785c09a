package fleet

import (
	"path"
	"strings"
	"unicode"
)

// secretsFolder is where the standard layout keeps documents.
const secretsFolder = "secrets"

// cleanPath reports whether p names something below the inventory: relative,
// without empty, . or .. segments, backslashes or control characters.
func cleanPath(p string) bool {
	return p != "" && p != "." && p != ".." && !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "../") &&
		path.Clean(p) == p && !strings.ContainsFunc(p, func(r rune) bool { return r == '\\' || unicode.IsControl(r) || r == '\ufffd' })
}

// A region is a folder with everything below it, or one document.
type region struct {
	path   string // without a slash at the end; "" with folder is everything
	folder bool
}

// parseRegion parses the path of a scope.
func parseRegion(s string) (region, bool) {
	if s == "**" {
		return region{folder: true}, true
	}
	folder, isFolder := strings.CutSuffix(s, "/**")
	if !cleanPath(folder) || strings.ContainsAny(folder, "*?[]{}") {
		return region{}, false
	}
	return region{folder, isFolder}, true
}

// String returns the region as a scope's path.
func (r region) String() string {
	switch {
	case !r.folder:
		return r.path
	case r.path == "":
		return "**"
	}
	return r.path + "/**"
}

// has reports whether the region covers a document.
func (r region) has(p string) bool {
	if !r.folder {
		return r.path == p
	}
	return r.path == "" || strings.HasPrefix(p, r.path+"/")
}

// within reports whether the region lies in another, or is it.
func (r region) within(outer region) bool {
	if r == outer {
		return true
	}
	return outer.folder && (outer.path == "" || strings.HasPrefix(r.path, outer.path+"/") || r.folder && r.path == outer.path)
}

func (r region) depth() int {
	if r.path == "" {
		return 0
	}
	d := 2 * (strings.Count(r.path, "/") + 1)
	if !r.folder {
		d++
	}
	return d
}
