package fleet

import "encoding/json"

// Schema returns the JSON Schema (2020-12) of an inventory, made from the table
// that the decoder reads by.
func Schema() []byte {
	root := inventoryShape.schema()
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "keyreeve.yaml"
	data, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // the table holds nothing that JSON cannot
	}
	return append(data, '\n')
}

func (s *shape) schema() map[string]any {
	switch s.kind {
	case objectShape:
		properties, required := map[string]any{}, []string{}
		for _, f := range s.fields {
			field := f.shape.schema()
			field["description"] = f.doc
			if f.example != nil {
				field["examples"] = []any{f.example}
			}
			properties[f.name] = field
			if f.required {
				required = append(required, f.name)
			}
		}
		schema := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
		if len(required) > 0 {
			schema["required"] = required
		}
		return schema
	case mapShape:
		schema := map[string]any{"type": "object", "additionalProperties": s.elem.schema()}
		if s.key != nil && s.key.pattern != "" {
			schema["propertyNames"] = map[string]any{"pattern": s.key.pattern}
		}
		return schema
	case listShape:
		return map[string]any{"type": "array", "items": s.elem.schema()}
	case boolShape:
		return map[string]any{"type": "boolean"}
	case intShape:
		if len(s.enum) > 0 {
			return map[string]any{"type": "integer", "const": json.Number(s.enum[0])}
		}
		return map[string]any{"type": "integer", "minimum": s.least}
	case textShape:
		schema := map[string]any{"type": "string"}
		if len(s.enum) > 0 {
			schema["enum"] = s.enum
		}
		if s.format != nil && s.format.pattern != "" {
			schema["pattern"] = s.format.pattern
		}
		return schema
	}
	return map[string]any{}
}
