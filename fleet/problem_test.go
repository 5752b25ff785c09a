package fleet_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"keyreeve/fleet"
)

// problems are inventories that have each problem; A and B stand for recipients,
// and the version goes before all but the first ones.
var problems = map[string]string{
	fleet.CodeSyntax:          "!a: [",
	fleet.CodeMissingField:    "!layout: none",
	fleet.CodeUnknownField:    "hots: {}",
	fleet.CodeWrongType:       "users: 3",
	fleet.CodeWrongValue:      "layout: odd",
	fleet.CodeDuplicate:       "users: {tim: {}, tim: {}}",
	fleet.CodeName:            "users: {A_B: {}}",
	fleet.CodeHostFolder:      "hosts: {common: {}}",
	fleet.CodeMalformed:       "recovery: {safe: hello}",
	fleet.CodePlaceholder:     "recovery: {safe: age1xxxxxxxxxxxx}",
	fleet.CodePrivateKey:      "recovery: {safe: AGE-SECRET-KEY-1QQQQ}",
	fleet.CodeUnsupported:     "recovery: {safe: ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBKyK}",
	fleet.CodeSharedRecipient: "users: {tim: {recipients: {a: A}}, anna: {recipients: {a: A}}}",
	fleet.CodeUnknownMember:   "groups: {servers: {hosts: [potato]}}",
	fleet.CodeStillActive:     "users: {tim: {recipients: {a: A}}}\nretired: [{principal: host/x, recipient: A}]",
	fleet.CodeScopePath:       "scopes: [{path: ../x, readers: []}]",
	fleet.CodeRegex:           "layout: none\nrules: [{match: (, readers: []}]",
	fleet.CodeLayout:          "rules: [{match: ^a, readers: []}]",
	fleet.CodeSelection:       "scopes: [{path: secrets/x/**, sops: {encrypted_regex: a, encrypted_suffix: b}}]",
	fleet.CodeRef:             "secrets: {../x#y: {}}",
	fleet.CodeLoneReader:      "users: {tim: {admin: true, recipients: {a: A}}}",
	fleet.CodeNoRecovery:      "users: {tim: {admin: true, recipients: {a: A}}}",
	fleet.CodeShadowed:        "layout: none\nrules: [{match: '', readers: []}, {match: ^a, readers: []}]",
	fleet.CodeUnanchored:      "layout: none\nrules: [{match: a, readers: []}]",
	fleet.CodeNoRecipient:     "users: {tim: {}}",
	fleet.CodeNoInterval:      "secrets: {common/a#b: {category: service}}",
}

func TestEachProblem(t *testing.T) {
	a := recipient(t)
	for code, text := range problems {
		text = strings.NewReplacer(": A}", ": "+a+"}").Replace(text)
		whole, bare := strings.CutPrefix(text, "!")
		if !bare {
			whole = "version: 1\n" + text + "\n"
		}
		_, found := fleet.Parse("keyreeve.yaml", []byte(whole))
		reported := false
		for _, p := range found {
			reported = reported || p.Code == code
			if p.Message == "" || p.Line == 0 {
				t.Errorf("%s: incomplete: %+v", code, p)
			}
		}
		if !reported {
			t.Errorf("%s: not reported of %q: %v", code, whole, found)
		}
	}
}

// Every code that the package names has an inventory above.
func TestEachCodeHasAnInventory(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "problem.go", nil, 0)
	must(t, err)
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		must(t, err)
		codes++
		if problems[code] == "" {
			t.Errorf("%s has no inventory", code)
		}
		return true
	})
	if codes != len(problems) {
		t.Errorf("%d codes, %d inventories", codes, len(problems))
	}
}
