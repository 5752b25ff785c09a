package sops

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// FormatVersion is the sops version that keyreeve's output equals, written into
// the version field of documents it seals.
const FormatVersion = "3.13.3"

const metadataKey = "sops"

// maxAgeKeys bounds the wrapped keys of one list: each may cost a reader a public
// key operation, and nobody has a fleet of that many principals.
const maxAgeKeys = 5000

// Metadata is the sops section of a document. It is the same for every document
// of a YAML stream.
type Metadata struct {
	Groups           []KeyGroup
	ShamirThreshold  int // groups needed; zero: not recorded
	Selection        Selection
	MACOnlyEncrypted bool
	LastModified     string // RFC 3339
	MAC              string // cipher string
	Version          string

	unknown []*Node // fields that sops does not define, kept
}

// A KeyGroup is a set of keys that all open the same thing: the data key, or
// with several groups one Shamir share of it.
type KeyGroup struct {
	Age     []WrappedKey
	foreign []*Node // lists of PGP, KMS, Vault … entries by type, kept verbatim
}

// A WrappedKey is the data key (or a share of it) wrapped for one age recipient.
type WrappedKey struct {
	Recipient string
	Enc       string // armored age file
}

// foreignTypes maps the lists of keys that only sops can use to the field that
// names a key in an error.
var foreignTypes = map[string]string{
	"pgp": "fp", "kms": "arn", "gcp_kms": "resource_id", "azure_kv": "vault_url",
	"hc_vault": "vault_address", "hckms": "key_id",
}

// Recipients returns the listed age recipients of all groups in file order. A
// listed recipient is a label: it is not bound to the wrapped key beside it.
func (m *Metadata) Recipients() []string {
	var recipients []string
	for _, group := range m.Groups {
		for _, key := range group.Age {
			recipients = append(recipients, key.Recipient)
		}
	}
	return recipients
}

// ForeignKeys names the keys in the document that only sops can use, such as
// "pgp 85D7…", in file order.
func (m *Metadata) ForeignKeys() []string {
	var names []string
	for _, group := range m.Groups {
		for _, list := range group.foreign {
			for _, entry := range list.Values() {
				name := list.Key
				if id := entry.Child(foreignTypes[list.Key]); id != nil {
					name += " " + id.Text
				}
				names = append(names, name)
			}
		}
	}
	return names
}

func parseMetadata(section *Node) (Metadata, error) {
	var m Metadata
	if section.Kind != Map {
		return m, &IntegrityError{Msg: "the sops section is not a map"}
	}
	var top KeyGroup
	var groups []KeyGroup
	for _, field := range section.Children {
		if field.Kind == Comment {
			continue
		}
		var err error
		switch key := field.Key; {
		case key == "age":
			top.Age, err = parseAgeKeys(field)
		case foreignTypes[key] != "":
			if len(field.Values()) > 0 {
				top.foreign = append(top.foreign, field)
			}
		case key == "key_groups":
			groups, err = parseKeyGroups(field)
		case key == "shamir_threshold":
			m.ShamirThreshold, err = strconv.Atoi(scalarText(field))
			if err != nil {
				err = &IntegrityError{Msg: "sops.shamir_threshold is not a number"}
			}
		case key == "mac_only_encrypted":
			m.MACOnlyEncrypted, err = strconv.ParseBool(scalarText(field))
			if err != nil {
				err = &IntegrityError{Msg: "sops.mac_only_encrypted is not true or false"}
			}
		case key == "lastmodified":
			if field.Kind == String { // sops refuses an unquoted YAML timestamp
				m.LastModified = field.Text
			}
		case key == "mac":
			m.MAC = scalarText(field)
		case key == "version":
			m.Version = scalarText(field)
		case m.Selection.field(key) != nil:
			*m.Selection.field(key) = scalarText(field)
		default:
			m.unknown = append(m.unknown, field)
		}
		if err != nil {
			return m, err
		}
	}
	if len(top.Age) > 0 || len(top.foreign) > 0 {
		groups = []KeyGroup{top}
	}
	m.Groups = groups
	return m, m.validate()
}

func (m *Metadata) validate() error {
	if len(m.Groups) == 0 {
		return &IntegrityError{Msg: "the sops section lists no keys"}
	}
	if _, err := time.Parse(time.RFC3339, m.LastModified); err != nil {
		return &IntegrityError{Msg: "sops.lastmodified is missing or not an RFC 3339 time"}
	}
	if !isVersion(m.Version) {
		return &IntegrityError{Msg: "sops.version is missing or not a version"}
	}
	if m.Selection == (Selection{}) {
		m.Selection.UnencryptedSuffix = DefaultUnencryptedSuffix
	}
	count := 0
	for _, key := range selectionKeys {
		if *m.Selection.field(key) != "" {
			count++
		}
	}
	if count > 1 {
		return &IntegrityError{Msg: "the sops section has more than one of " + strings.Join(selectionKeys[:], ", ")}
	}
	return nil
}

// isVersion reports whether v is a semantic version, as sops demands.
func isVersion(v string) bool {
	core, _, _ := strings.Cut(v, "+")
	core, _, _ = strings.Cut(core, "-")
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return false
	}
	for _, part := range parts {
		if _, err := strconv.ParseUint(part, 10, 32); err != nil || (len(part) > 1 && part[0] == '0') {
			return false
		}
	}
	return true
}

func scalarText(n *Node) string {
	if !n.Kind.IsScalar() {
		return ""
	}
	return n.Text
}

func parseAgeKeys(list *Node) ([]WrappedKey, error) {
	if list.Kind == Null {
		return nil, nil
	}
	if list.Kind != List {
		return nil, &IntegrityError{Msg: "sops.age is not a list"}
	}
	var keys []WrappedKey
	for _, entry := range list.Values() {
		recipient, enc := entry.Child("recipient"), entry.Child("enc")
		if recipient == nil || enc == nil || recipient.Kind != String || enc.Kind != String {
			return nil, &IntegrityError{Msg: "an entry of sops.age has no recipient or no enc"}
		}
		keys = append(keys, WrappedKey{Recipient: recipient.Text, Enc: enc.Text})
	}
	if len(keys) > maxAgeKeys {
		return nil, &IntegrityError{Msg: fmt.Sprintf("sops.age has more than %d entries", maxAgeKeys)}
	}
	return keys, nil
}

func parseKeyGroups(list *Node) ([]KeyGroup, error) {
	if list.Kind == Null {
		return nil, nil
	}
	if list.Kind != List {
		return nil, &IntegrityError{Msg: "sops.key_groups is not a list"}
	}
	var groups []KeyGroup
	for _, entry := range list.Values() {
		var group KeyGroup
		for _, field := range entry.Values() {
			var err error
			switch {
			case field.Key == "age":
				group.Age, err = parseAgeKeys(field)
			case foreignTypes[field.Key] != "" && len(field.Values()) > 0:
				group.foreign = append(group.foreign, field)
			}
			if err != nil {
				return nil, err
			}
		}
		groups = append(groups, group)
	}
	return groups, nil
}

// section builds the tree of the metadata with its keys sorted, as sops does.
func (m *Metadata) section() *Node {
	fields := slices.Clone(m.unknown)
	add := func(key string, kind Kind, text string) {
		fields = append(fields, &Node{Key: key, Kind: kind, Text: text})
	}
	if len(m.Groups) == 1 {
		fields = append(fields, m.Groups[0].fields(false)...)
	} else {
		list := &Node{Key: "key_groups", Kind: List}
		for _, group := range m.Groups {
			list.Children = append(list.Children, MapNode(sortedByKey(group.fields(true))...))
		}
		fields = append(fields, list)
	}
	if m.ShamirThreshold != 0 {
		add("shamir_threshold", Int, strconv.Itoa(m.ShamirThreshold))
	}
	if m.MACOnlyEncrypted {
		add("mac_only_encrypted", Bool, BoolText(true))
	}
	for _, key := range selectionKeys {
		if value := *m.Selection.field(key); value != "" {
			add(key, String, value)
		}
	}
	add("lastmodified", String, m.LastModified)
	add("mac", String, m.MAC)
	add("version", String, m.Version)
	return Item(metadataKey, MapNode(sortedByKey(fields)...))
}

// fields returns the lists of a group. Inside key_groups sops always writes
// age and hc_vault.
func (g *KeyGroup) fields(inGroups bool) []*Node {
	fields := slices.Clone(g.foreign)
	if len(g.Age) > 0 || inGroups {
		list := &Node{Key: "age", Kind: List}
		for _, key := range g.Age {
			list.Children = append(list.Children, MapNode(
				Item("enc", StringNode(key.Enc)), Item("recipient", StringNode(key.Recipient))))
		}
		fields = append(fields, list)
	}
	hasVault := slices.ContainsFunc(g.foreign, func(n *Node) bool { return n.Key == "hc_vault" })
	if inGroups && !hasVault {
		fields = append(fields, &Node{Key: "hc_vault", Kind: List})
	}
	return fields
}

func sortedByKey(fields []*Node) []*Node {
	sort.SliceStable(fields, func(i, j int) bool { return fields[i].Key < fields[j].Key })
	return fields
}
