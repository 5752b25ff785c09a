package fleet_test

import (
	"encoding/json"
	"testing"

	"keyreeve/fleet"
)

func TestSchemaDescribesEveryField(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(fleet.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	seen := 0
	var visit func(where string, n map[string]any)
	visit = func(where string, n map[string]any) {
		fields, _ := n["properties"].(map[string]any)
		for name, f := range fields {
			field := f.(map[string]any)
			if field["description"] == "" {
				t.Errorf("%s.%s has no description", where, name)
			}
			seen++
			visit(where+"."+name, field)
		}
		for _, key := range []string{"items", "additionalProperties"} {
			if inner, ok := n[key].(map[string]any); ok {
				visit(where, inner)
			}
		}
	}
	visit("", root)
	if seen < 40 {
		t.Errorf("%d fields", seen)
	}
}
