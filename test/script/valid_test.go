package script

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// validated are the schemas that some script's report was held to.
var validated sync.Map

// valid holds the last command's output to its published schema: valid NAME
// [stderr]. A field that the schema does not name fails too.
func valid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: valid NAME [stderr]")
	}
	stream := "stdout"
	if len(args) > 1 {
		stream = args[1]
	}
	var report, schema any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(stream)), &report))
	ts.Check(ts.Exec("keyreeve", "schema", args[0]))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &schema))
	ts.Check(conforms(schema.(map[string]any), report, "$"))
	validated.Store(args[0], true)
}

// conforms checks a value against the part of JSON Schema that ours use.
func conforms(schema map[string]any, value any, place string) error {
	if want, ok := schema["const"]; ok && value != want {
		return fmt.Errorf("%s is %v, not %v", place, value, want)
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, value) {
		return fmt.Errorf("%s is %v, none of %v", place, value, enum)
	}
	ok := true
	switch schema["type"] {
	case "string":
		_, ok = value.(string)
	case "boolean":
		_, ok = value.(bool)
	case "integer":
		var n float64
		n, ok = value.(float64)
		ok = ok && n == float64(int(n))
	case "array":
		items, isList := value.([]any)
		for i, item := range items {
			if err := conforms(schema["items"].(map[string]any), item, fmt.Sprintf("%s[%d]", place, i)); err != nil {
				return err
			}
		}
		ok = isList
	case "object":
		fields, isObject := value.(map[string]any)
		if isObject {
			return conformsObject(schema, fields, place)
		}
		ok = false
	}
	if !ok {
		return fmt.Errorf("%s is %v, no %v", place, value, schema["type"])
	}
	return nil
}

func conformsObject(schema map[string]any, fields map[string]any, place string) error {
	properties, _ := schema["properties"].(map[string]any)
	others, free := schema["additionalProperties"].(map[string]any)
	if required, ok := schema["required"].([]any); ok {
		for _, name := range required {
			if _, ok := fields[name.(string)]; !ok {
				return fmt.Errorf("%s has no field %v", place, name)
			}
		}
	}
	for name, value := range fields {
		field, known := properties[name].(map[string]any)
		if !known && free {
			field, known = others, true
		}
		if !known {
			return fmt.Errorf("%s.%s is not in the schema", place, name)
		}
		if err := conforms(field, value, place+"."+name); err != nil {
			return err
		}
	}
	return nil
}

// published demands that every schema was met by a report: it stands at the end
// of the script of reports.
func published(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(ts.Exec("keyreeve", "schema"))
	for name := range strings.Lines(ts.ReadFile("stdout")) {
		name = strings.TrimSpace(name)
		if _, ok := validated.Load(name); !ok && name != "inventory" {
			ts.Fatalf("no report was held to the schema %q", name)
		}
	}
}
