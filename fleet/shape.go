package fleet

import (
	"regexp"
	"sync"
)

// A shape says what a part of the inventory may look like. One table of shapes
// drives both the strict decoder and the published JSON Schema.
type shape struct {
	kind   shapeKind
	fields []field // of an object
	elem   *shape  // of a map or list
	key    *format // of a map's keys
	format *format // of a text; nil allows any
	enum   []string
	least  int // of an integer
}

type shapeKind int

const (
	objectShape shapeKind = iota // fixed fields
	mapShape                     // free keys
	listShape
	textShape
	boolShape
	intShape
	anyShape
)

// A field is one key of an object.
type field struct {
	name     string
	doc      string
	example  any
	shape    *shape
	required bool
}

// A format restricts a text.
type format struct {
	pattern string            // for the schema
	matches func(string) bool // the same as code; nil: checked later, with the rest in view
	code    string
	expects string
}

// matching compiles a pattern when it is first used: most runs use none, and
// compiling all of them takes longer than reading an inventory.
func matching(pattern string) func(string) bool {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
	return func(s string) bool { return compiled().MatchString(s) }
}

const (
	datePattern     = `^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`
	intervalPattern = `^[1-9][0-9]{0,4}[hdwy]$`
)

var (
	nameFormat      = &format{namePattern, isName, CodeName, "a name of 1 to 63 of a-z 0-9 . _ -, beginning with a letter or digit"}
	recipientFormat = &format{"", nil, CodeMalformed, "a recipient: age1…, ssh-ed25519 … or ssh-rsa …"}
	readerFormat    = &format{`^(user|host|group|recovery)/[a-z0-9][a-z0-9._-]{0,62}$`, isReader, CodeUnknownMember, "a principal with its kind, such as group/servers"}
	ownerFormat     = &format{`^(user|host|recovery)/[a-z0-9][a-z0-9._-]{0,62}$`, isOwner, CodeWrongValue, "a principal with its kind, such as host/oldbox"}
	dateFormat      = &format{datePattern, matching(datePattern), CodeWrongValue, "a date, YYYY-MM-DD"}
	intervalFormat  = &format{intervalPattern, matching(intervalPattern), CodeWrongValue, "an interval such as 90d (h, d, w or y)"}
	pathFormat      = &format{"", nil, CodeScopePath, "a folder such as secrets/ci/** or the path of one document"}
	regexFormat     = &format{"", nil, CodeRegex, "a regular expression"}
	refFormat       = &format{"", nil, CodeRef, "a ref such as common/services#postgres/password, * and ** allowed"}
)

func text(f *format) *shape         { return &shape{kind: textShape, format: f} }
func choice(of ...string) *shape    { return &shape{kind: textShape, enum: of} }
func number(least int) *shape       { return &shape{kind: intShape, least: least} }
func listOf(elem *shape) *shape     { return &shape{kind: listShape, elem: elem} }
func object(fields ...field) *shape { return &shape{kind: objectShape, fields: fields} }
func mapOf(key *format, elem *shape) *shape {
	return &shape{kind: mapShape, key: key, elem: elem}
}

var (
	boolean    = &shape{kind: boolShape}
	anything   = &shape{kind: anyShape}
	names      = listOf(text(nameFormat))
	recipients = mapOf(nameFormat, text(recipientFormat))
	readers    = listOf(text(readerFormat))
)

var platforms = []string{"nixos", "darwin", "linux", "wsl"}

// selectionKeys are the rules by which sops selects what to encrypt.
var selectionKeys = []string{
	"unencrypted_suffix", "encrypted_suffix", "unencrypted_regex",
	"encrypted_regex", "unencrypted_comment_regex", "encrypted_comment_regex",
}

// foreignKeys are the fields of a creation rule that hold keys other than age's;
// groupForeignKeys those of a key group.
var (
	foreignKeys      = []string{"pgp", "kms", "aws_profile", "gcp_kms", "hckms", "azure_keyvault", "hc_vault_transit_uri"}
	groupForeignKeys = []string{"pgp", "kms", "gcp_kms", "hckms", "azure_keyvault", "hc_vault"}
)

var generateKinds = []string{
	"password", "passphrase", "pin", "hex", "base64", "uuid", "hash",
	"age", "ssh-ed25519", "ssh-rsa", "wireguard", "command",
}

func settingsShape() *shape {
	var fields []field
	for _, key := range selectionKeys {
		fields = append(fields, field{name: key, doc: "What sops encrypts in these documents; at most one such rule.", shape: text(nil)})
	}
	fields = append(fields,
		field{name: "mac_only_encrypted", doc: "The MAC covers encrypted values only.", example: true, shape: boolean},
		field{name: "shamir_threshold", doc: "How many key groups are needed to open a document.", example: 2, shape: number(0)})
	group := []field{{name: "readers", doc: "Who can open this group's share.", shape: readers}}
	for _, key := range groupForeignKeys {
		group = append(group, field{name: key, doc: "Keys other than age's, passed through.", shape: anything})
	}
	fields = append(fields, field{name: "key_groups", doc: "Groups between which the data key is split.", shape: listOf(object(group...))})
	for _, key := range foreignKeys {
		fields = append(fields, field{name: key, doc: "Keys other than age's, passed through.", shape: anything})
	}
	return object(fields...)
}

func storesShape() *shape {
	indent := object(field{name: "indent", doc: "Columns per level.", example: 2, shape: number(0)})
	return object(
		field{name: "yaml", doc: "YAML documents.", shape: indent},
		field{name: "json", doc: "JSON documents.", shape: indent},
		field{name: "json_binary", doc: "Binary documents.", shape: indent},
		field{name: "dotenv", doc: "dotenv documents.", shape: object()},
		field{name: "ini", doc: "INI documents.", shape: object()},
	)
}

// inventoryShape is the whole of keyreeve.yaml.
var inventoryShape = object(
	field{name: "version", doc: "The version of this format.", example: 1, shape: &shape{kind: intShape, enum: []string{"1"}}, required: true},
	field{name: "layout", doc: "standard: common/, a folder per host, groups/ and users/ have their readers. none: scopes, or rules, alone decide.", example: "standard",
		shape: choice(string(LayoutStandard), string(LayoutNone))},
	field{name: "users", doc: "People and robots, by name.", shape: mapOf(nameFormat, object(
		field{name: "admin", doc: "Reads everything but other users' own documents.", example: true, shape: boolean},
		field{name: "recipients", doc: "Its public keys by name: age1…, ssh-ed25519 … or ssh-rsa …; several are fine.", example: map[string]string{"laptop": "age1…"}, shape: recipients},
	))},
	field{name: "hosts", doc: "Machines, by name; also the name of the folder below secrets/ that is their own.", shape: mapOf(nameFormat, object(
		field{name: "recipients", doc: "Its public keys by name: age1…, ssh-ed25519 … or ssh-rsa …; several are fine.", example: map[string]string{"laptop": "age1…"}, shape: recipients},
		field{name: "platform", doc: "What the host runs; for people and for reports.", example: "nixos", shape: choice(platforms...)},
		field{name: "users", doc: "Users whose own documents this host may also read.", example: []string{"tim"}, shape: names},
	))},
	field{name: "groups", doc: "Sets of hosts and users that share secrets/groups/NAME/, by name.", shape: mapOf(nameFormat, object(
		field{name: "hosts", doc: "Member hosts.", example: []string{"potato", "thinky"}, shape: names},
		field{name: "users", doc: "Member users.", example: []string{"ci-deploy"}, shape: names},
	))},
	field{name: "recovery", doc: "Recipients that read everything and are kept offline, by name.", example: map[string]string{"safe": "age1…"}, shape: mapOf(nameFormat, text(recipientFormat))},
	field{name: "retired", doc: "Recipients that principals once had, so that history can say whose they were; written by rm and replace.", shape: listOf(object(
		field{name: "principal", doc: "Whose it was.", example: "host/oldbox", shape: text(ownerFormat), required: true},
		field{name: "recipient", doc: "The public key.", example: "age1…", shape: text(recipientFormat), required: true},
		field{name: "since", doc: "When it was retired.", example: "2026-02-01", shape: text(dateFormat)},
		field{name: "reason", doc: "Why.", example: "sold", shape: text(nil)},
	))},
	field{name: "scopes", doc: "Folders or documents with readers besides the layout's; a scope adds readers and never takes any away.", shape: listOf(object(
		field{name: "path", doc: "A folder, such as secrets/ci/**, or one document.", example: "secrets/ci/**", shape: text(pathFormat), required: true},
		field{name: "readers", doc: "Who may read it, besides the layout's readers.", example: []string{"group/servers", "user/ci-deploy"}, shape: readers},
		field{name: "sops", doc: "Passed to sops.", shape: settingsShape()},
	))},
	field{name: "rules", doc: "Adopted rules, with layout none and instead of scopes; the first that matches decides.", shape: listOf(object(
		field{name: "match", doc: "A regular expression, matched anywhere in the path; empty matches everything.", example: `^secrets/prod/`, shape: text(regexFormat), required: true},
		field{name: "readers", doc: "Who may read it.", example: []string{"group/servers", "user/ci-deploy"}, shape: readers},
		field{name: "sops", doc: "Passed to sops.", shape: settingsShape()},
	))},
	field{name: "sops", doc: "Passed through to .sops.yaml.", shape: object(
		field{name: "stores", doc: "How sops writes documents.", shape: storesShape()},
	)},
	field{name: "secrets", doc: "Metadata of secrets by ref; patterns allowed.", shape: mapOf(refFormat, object(
		field{name: "category", doc: "The category, which has an interval.", example: "service", shape: text(nameFormat)},
		field{name: "rotate", doc: "How often to rotate it, instead of the category's interval.", example: "90d", shape: text(intervalFormat)},
		field{name: "generate", doc: "How a value is made.", shape: object(
			field{name: "kind", doc: "What is made.", example: "password", shape: choice(generateKinds...), required: true},
			field{name: "length", doc: "Characters, or bytes of hex and base64.", example: 32, shape: number(1)},
			field{name: "words", doc: "Words of a passphrase.", example: 6, shape: number(1)},
			field{name: "bits", doc: "Size of an RSA key.", example: 4096, shape: number(1)},
			field{name: "alphabet", doc: "Characters to choose from.", example: "abcdefghjkmnpqrstuvwxyz23456789", shape: text(nil)},
			field{name: "command", doc: "A program that prints the value.", example: "wg genkey", shape: text(nil)},
		)},
	))},
	field{name: "intervals", doc: "How often secrets of a category, drills and data keys are due.", example: map[string]string{"service": "90d", "drill": "180d"}, shape: mapOf(nameFormat, text(intervalFormat))},
)
