package manual

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A schema is the part of JSON Schema that an inventory's uses.
type schema struct {
	Type        string            `json:"type"`
	Description string            `json:"description"`
	Properties  map[string]schema `json:"properties"`
	Names       *schema           `json:"propertyNames"`
	Others      json.RawMessage   `json:"additionalProperties"`
	Items       *schema           `json:"items"`
	Required    []string          `json:"required"`
	Enum        []string          `json:"enum"`
	Const       json.Number       `json:"const"`
	Minimum     *int              `json:"minimum"`
	Examples    []any             `json:"examples"`
}

// Inventory returns the reference of keyreeve.yaml, made from its JSON Schema.
func Inventory(jsonSchema []byte) ([]byte, error) {
	var root schema
	if err := json.Unmarshal(jsonSchema, &root); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("# The inventory, keyreeve.yaml\n\n<!-- made by make docs; do not edit -->\n\n" +
		"Every field there is; another one is an error. NAME stands for a name that you\n" +
		"choose, `[]` for each item of a list. The same as JSON Schema, for editors:\n" +
		"`keyreeve schema inventory`.\n\n")
	keys := order(root)
	for _, key := range keys {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", key, key, root.Properties[key].Description)
	}
	for _, key := range keys {
		fmt.Fprintf(&b, "\n## %s\n\n| field | type | meaning | example |\n|---|---|---|---|\n", key)
		rows(&b, key, root.Properties[key], slices.Contains(root.Required, key))
	}
	return []byte(b.String()), nil
}

// order is the order of the page: what a fleet begins with comes first.
func order(root schema) []string {
	first := []string{"version", "layout", "users", "hosts", "groups", "recovery", "retired", "scopes", "rules", "secrets", "intervals", "sops"}
	var keys []string
	for key := range root.Properties {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if i, j := slices.Index(first, a), slices.Index(first, b); i != j {
			return i - j
		}
		return strings.Compare(a, b)
	})
	return keys
}

func rows(b *strings.Builder, path string, s schema, required bool) {
	meaning := s.Description
	if required {
		meaning += " Required."
	}
	example := ""
	if len(s.Examples) > 0 {
		if text, err := json.Marshal(s.Examples[0]); err == nil {
			example = "`" + strings.Trim(string(text), `"`) + "`"
		}
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", path, s.kind(), cell(meaning), example)
	for _, key := range sortedKeys(s.Properties) {
		rows(b, path+"."+key, s.Properties[key], slices.Contains(s.Required, key))
	}
	if s.Items != nil && len(s.Items.Properties) > 0 {
		for _, key := range sortedKeys(s.Items.Properties) {
			rows(b, path+"[]."+key, s.Items.Properties[key], slices.Contains(s.Items.Required, key))
		}
	}
	if others, ok := s.others(); ok && others.Type == "object" {
		for _, key := range sortedKeys(others.Properties) {
			rows(b, path+".NAME."+key, others.Properties[key], slices.Contains(others.Required, key))
		}
	}
}

func (s schema) others() (schema, bool) {
	var others schema
	return others, len(s.Others) > 0 && s.Others[0] == '{' && json.Unmarshal(s.Others, &others) == nil
}

// kind says what a value is, in words.
func (s schema) kind() string {
	switch {
	case len(s.Enum) > 0:
		return strings.Join(s.Enum, ", ")
	case s.Const != "":
		return string(s.Const)
	case s.Type == "array" && s.Items != nil && s.Items.Type == "object":
		return "list"
	case s.Type == "array" && s.Items != nil:
		return "list of " + s.Items.kind()
	case s.Type == "object":
		if others, ok := s.others(); ok {
			return "NAME: " + others.kind()
		}
		return "map"
	case s.Type == "string":
		return "text"
	case s.Type == "boolean":
		return "true, false"
	case s.Type == "integer" && s.Minimum != nil && *s.Minimum > 0:
		return fmt.Sprintf("number from %d", *s.Minimum)
	case s.Type == "integer":
		return "number"
	}
	return "as sops has it"
}

func sortedKeys(m map[string]schema) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
