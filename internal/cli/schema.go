package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/fleet"
)

// A jsonSchema is a JSON Schema (2020-12) in the making.
type jsonSchema map[string]any

func text(meaning string, of ...string) jsonSchema {
	s := jsonSchema{"type": "string", "description": meaning}
	if len(of) > 0 {
		s["enum"] = of
	}
	return s
}

func number(meaning string) jsonSchema { return jsonSchema{"type": "integer", "description": meaning} }
func truth(meaning string) jsonSchema  { return jsonSchema{"type": "boolean", "description": meaning} }
func listOf(item jsonSchema) jsonSchema {
	return jsonSchema{"type": "array", "items": item}
}

// object has the fields that are always there, and those that may be missing,
// whose names end in a question mark.
func object(fields jsonSchema) jsonSchema {
	properties, required := jsonSchema{}, []string{}
	for name, field := range fields {
		name, optional := strings.CutSuffix(name, "?")
		properties[name] = field
		if !optional {
			required = append(required, name)
		}
	}
	slices.Sort(required)
	return jsonSchema{"type": "object", "properties": properties, "required": required}
}

func principalText() jsonSchema {
	return text("a principal with its kind, such as host/potato, else unknown/RECIPIENT")
}

// reports are what commands print under --json, by command; error is what any
// command prints on stderr, change what any command that writes prints.
func reports() map[string]jsonSchema {
	principalText := principalText()
	documentText := text("the document, as refs name it")
	identityList := listOf(object(jsonSchema{"recipient": text("its public key"), "principal": text("whose it is; empty if the inventory does not know it"), "source": text("where it was found"),
		"name": text("the recipient's name in the inventory"), "retired": truth("it was removed from the inventory"), "documents": listOf(text("path of a document that lists the recipient"))}))
	lockedList := listOf(object(jsonSchema{"source": text("where it is"), "needs": text("what opening it takes"), "recipients": listOf(text("what it is known to open"))}))
	problemList := listOf(object(jsonSchema{"source": text("where it is"), "error": text("why it cannot be read")}))
	findingList := listOf(object(jsonSchema{"code": text("a stable code such as KR104"), "severity": text("how bad it is", "error", "warning", "info"),
		"file": text("where"), "line": number("0: the whole file"), "message": text("what"), "why": text("why it matters, or empty"), "fix": text("a command that mends it, or empty")}))
	// what a command that writes did, or would do
	planReport := jsonSchema{
		"dry_run": truth("nothing was written"),
		"changes": listOf(object(jsonSchema{"document": documentText, "add": listOf(principalText), "remove": listOf(principalText),
			"recipients": listOf(text("a recipient the document has afterwards")), "new_data_key": truth("whether the data key is replaced"),
			"values": number("values of the document")})),
		"files":   listOf(text("path of a file that is written")),
		"pending": listOf(text("a document that none of your keys opens; it stays as it is")),
		"failed":  listOf(text("what is wrong with another document that stays as it is")),
		"gains":   listOf(object(jsonSchema{"readers": listOf(principalText), "documents": number("documents that they can read from now on"), "values": number("values in them")})),
		"exposed": listOf(text("a value that a removed reader could read: rotate it")),
	}
	return map[string]jsonSchema{
		"access": {"documents": listOf(object(jsonSchema{"document": documentText,
			"readers": listOf(principalText), "policy": listOf(principalText)}))},
		"access explain": {"principal": principalText, "document": documentText, "reads": truth("whether policy lets it read"), "listed": truth("whether the file lists it"),
			"reasons": listOf(object(jsonSchema{"rule": text("the rule of the inventory"), "reason": text("why it applies")}))},
		"check": {"findings": findingList},
		"doctor": {"ok": truth("nothing is a problem"), "checks": listOf(object(jsonSchema{"name": text("what was looked at"),
			"state": text("how it is", "ok", "absent", "warning", "problem"), "detail": text("what was found"), "fix": text("what to do, or empty")}))},
		"error": {"error": object(jsonSchema{"code": text("one word for each exit code", errorWords()...),
			"exit": number("the exit code"), "message": text("what failed, where and why"), "hint": text("what to do, or empty")})},
		"key ls":   {"identities": identityList, "locked": lockedList, "problems": problemList, "missing": listOf(text("a place where nothing was found")), "documents": number("documents in all")},
		"key new":  {"recipient": text("of the new identity"), "file": text("where it is")},
		"key show": {"recipients": listOf(text("a recipient"))},
		"ls": {"documents": listOf(object(jsonSchema{"document": documentText, "path": text("its path from the inventory's folder"),
			"entries": listOf(object(jsonSchema{"ref": text("the entry"), "type": text("its type", "str", "int", "float", "bool", "time", "null", "map", "list", "binary"), "value?": text("its value, if asked for")}))}))},
		"change": planReport,
		"rekey":  planReport,
		"schema": {"schemas": listOf(text("a name that keyreeve schema knows"))},
		"status": {"identities": identityList, "documents": number("documents in all"), "opens": number("documents that one of the identities opens"),
			"drift": number("documents out of step with policy"), "unaccepted": number("grants of the inventory not accepted on this machine"), "uncommitted": number("files that git has not got")},
		"verify": {"documents": listOf(object(jsonSchema{"document": documentText, "ok": truth("decrypted, and the MAC is right"),
			"state": text("what was found", "ok", "locked", "tampered", "error"), "path": text("its path from the inventory's folder"), "error?": text("why not")}))},
		"version": {"version": text("of keyreeve"), "go": text("of the compiler"), "platform": text("operating system and processor"),
			"sops_format": text("the version that written documents carry")},
	}
}

func errorWords() []string { return slices.Compact(slices.Sorted(maps.Values(exitWords))) }

// reportSchema is the schema of one report.
func reportSchema(name string) (jsonSchema, bool) {
	fields, ok := reports()[name]
	kind, verb, _ := strings.Cut(name, " ")
	if slices.Contains([]string{"user", "host", "group", "recovery"}, kind) {
		switch verb {
		case "ls":
			fields, ok = jsonSchema{"principals": listOf(object(jsonSchema{"principal": principalText(), "recipients": listOf(text("a recipient")), "members?": listOf(text("a group's member"))}))}, true
		case "show":
			fields, ok = jsonSchema{"principal": principalText(), "recipients": jsonSchema{"type": "object", "description": "recipients by name", "additionalProperties": text("a recipient")},
				"documents": listOf(text("path of a document that policy lets it read"))}, true
		}
	}
	if !ok {
		return nil, false
	}
	fields = maps.Clone(fields)
	fields["schema_version"] = jsonSchema{"const": 1, "description": "raised when a field changes its meaning; fields may be added without"}
	s := object(fields)
	s["$schema"], s["title"] = "https://json-schema.org/draft/2020-12/schema", "keyreeve "+name+" --json"
	return s, true
}

func schemaNames() []string {
	all := slices.Collect(maps.Keys(reports()))
	for _, kind := range []string{"user", "host", "group", "recovery"} {
		all = append(all, kind+" ls", kind+" show")
	}
	all = append(all, "inventory")
	slices.Sort(all)
	return all
}

func (a *app) schemaCommand() *cobra.Command {
	c := command("schema [NAME]", "Print the JSON Schema of the inventory or of a report",
		"  keyreeve schema inventory >keyreeve.schema.json\n  keyreeve schema check\n  keyreeve schema \"host ls\"", cobra.MaximumNArgs(1), func(args []string) error {
			if len(args) == 0 {
				if a.json {
					return a.printJSON(map[string]any{"schemas": schemaNames()})
				}
				_, err := fmt.Fprintln(a.out, strings.Join(schemaNames(), "\n"))
				return err
			}
			if args[0] == "inventory" {
				_, err := a.out.Write(fleet.Schema())
				return err
			}
			s, ok := reportSchema(args[0])
			if !ok {
				return &usageError{fmt.Sprintf("there is no schema %q", args[0]), "keyreeve schema lists them"}
			}
			e := json.NewEncoder(a.out)
			e.SetIndent("", "  ")
			e.SetEscapeHTML(false)
			return e.Encode(s)
		})
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return schemaNames(), cobra.ShellCompDirectiveNoFileComp
	}
	return c
}
