package fleet

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// A SopsConfig is what a .sops.yaml says to sops itself, whoever wrote it.
type SopsConfig struct {
	// Rules are the creation rules in order. nil means that the file has none,
	// and sops goes on as if there was no configuration; empty but not nil means
	// that no path matches.
	Rules    []CreationRule
	Stores   Stores
	Mentions []Mention
}

// Stores are the indents that sops writes documents with, which 0 leaves to
// sops; -1 means that the file does not say.
type Stores struct{ YAML, JSON, JSONBinary int }

// A CreationRule is one creation rule of a .sops.yaml.
type CreationRule struct {
	Line             int    // 1-based; 0 if a YAML merge brought the rule
	Comment          string // on the lines above it, without #
	PathRegex        string // "" matches every path
	Groups           []RuleGroup
	HasKeyGroups     bool // written as key_groups; else there is exactly one group
	Threshold        int
	Selection        Selection
	MACOnlyEncrypted bool

	match      *regexp.Regexp
	regexError error
	unusable   error // besides the recipients
	known      recipientCache
}

// A RuleGroup is the keys among which sops shares one part of the data key.
type RuleGroup struct {
	Age     []string // in the order in which sops writes them
	Foreign []ForeignKey
}

// A SopsConfigError reports what sops refuses in a .sops.yaml too.
type SopsConfigError struct {
	Line int // 1-based; 0 where the file does not parse or the place is unknown
	Err  error
}

func (e *SopsConfigError) Error() string {
	if e.Line == 0 {
		return ".sops.yaml: " + e.Err.Error()
	}
	return fmt.Sprintf(".sops.yaml:%d: %v", e.Line, e.Err)
}

func (e *SopsConfigError) Unwrap() error { return e.Err }

// ParseSopsConfig reads a .sops.yaml as sops 3.13 does (its config/config.go):
// unknown fields are ignored, values of the wrong type refused. Expressions and
// keys are not judged here but by [SopsConfig.Match], for sops only looks at
// them when it reaches the rule. The error is a *[SopsConfigError].
func ParseSopsConfig(data []byte) (*SopsConfig, error) {
	file := configFile{Stores: storesConfig{JSON: indentConfig{-1}, JSONBinary: indentConfig{-1}}}
	var root yaml.Node
	if err := unmarshal(data, &file); err != nil {
		return nil, &SopsConfigError{Err: err}
	}
	if err := unmarshal(data, &root); err != nil {
		return nil, &SopsConfigError{Err: err}
	}
	c := &SopsConfig{
		Stores:   Stores{YAML: file.Stores.YAML.Indent, JSON: file.Stores.JSON.Indent, JSONBinary: file.Stores.JSONBinary.Indent},
		Mentions: mentions(&root),
	}
	if file.CreationRules == nil {
		return c, nil
	}
	nodes, known := ruleNodes(&root), recipientCache{new(sync.Map)}
	c.Rules = []CreationRule{}
	for i, r := range file.CreationRules {
		rule := r.rule()
		rule.known = known
		if len(nodes) == len(file.CreationRules) {
			rule.Line, rule.Comment = nodes[i].Line, aboveItem(nodes[i])
		}
		c.Rules = append(c.Rules, rule)
	}
	return c, nil
}

// Match returns the rule that sops takes for a new document: the first whose
// expression matches anywhere in path, which is relative to the folder of the
// .sops.yaml (or absolute, if outside it). The error is a *[SopsConfigError]: an
// expression that does not compile, if no rule before it matches; or, together
// with the rule, what makes sops refuse the rule itself.
func (c *SopsConfig) Match(path string) (*CreationRule, bool, error) {
	for i := range c.Rules {
		r := &c.Rules[i]
		if r.regexError != nil {
			return nil, false, &SopsConfigError{r.Line, r.regexError}
		}
		if r.match != nil && !r.match.MatchString(path) {
			continue
		}
		if err := r.Err(); err != nil {
			return r, true, &SopsConfigError{r.Line, err}
		}
		return r, true, nil
	}
	return nil, false, nil
}

// Err returns why sops refuses to use the rule, or nil; a recipient that nothing
// can be encrypted to is a *[keys.RecipientError].
func (r *CreationRule) Err() error {
	if err := cmp.Or(r.regexError, r.unusable); err != nil {
		return err
	}
	for _, g := range r.Groups {
		for _, s := range g.Age {
			if err := r.known.check(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// unmarshal decodes YAML and turns a panic of the library into an error. It
// never quotes what may be a private key.
func unmarshal(data []byte, into any) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the YAML does not parse")
		}
	}()
	if err := yaml.Unmarshal(data, into); err != nil {
		if secretLike(err.Error()) {
			return errors.New("the YAML does not parse")
		}
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return nil
}

// aboveItem returns the comment above an item of a list.
func aboveItem(n *yaml.Node) string {
	if n.HeadComment == "" && n.Kind == yaml.MappingNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	return commentText(n.HeadComment)
}

// ruleNodes returns the creation rules as they are written.
func ruleNodes(root *yaml.Node) []*yaml.Node {
	if root.Kind != yaml.DocumentNode || len(root.Content) == 0 {
		return nil
	}
	top := root.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value != "creation_rules" {
			continue
		}
		list := top.Content[i+1]
		if list.Kind == yaml.AliasNode {
			list = list.Alias
		}
		return list.Content
	}
	return nil
}

// The fields of a .sops.yaml, with the types that sops decodes them to.
type configFile struct {
	CreationRules    []ruleConfig        `yaml:"creation_rules"`
	DestinationRules []destinationConfig `yaml:"destination_rules"`
	Stores           storesConfig        `yaml:"stores"`
}

type indentConfig struct {
	Indent int `yaml:"indent"`
}

type storesConfig struct {
	Dotenv     struct{}     `yaml:"dotenv"`
	INI        struct{}     `yaml:"ini"`
	JSONBinary indentConfig `yaml:"json_binary"`
	JSON       indentConfig `yaml:"json"`
	YAML       indentConfig `yaml:"yaml"`
}

type destinationConfig struct {
	PathRegex        string     `yaml:"path_regex"`
	S3Bucket         string     `yaml:"s3_bucket"`
	S3Prefix         string     `yaml:"s3_prefix"`
	GCSBucket        string     `yaml:"gcs_bucket"`
	GCSPrefix        string     `yaml:"gcs_prefix"`
	VaultPath        string     `yaml:"vault_path"`
	VaultAddress     string     `yaml:"vault_address"`
	VaultKVMountName string     `yaml:"vault_kv_mount_name"`
	VaultKVVersion   int        `yaml:"vault_kv_version"`
	RecreationRule   ruleConfig `yaml:"recreation_rule"`
	OmitExtensions   bool       `yaml:"omit_extensions"`
}

// In a creation rule these fields may be a text, split at commas, or a list.
type ruleConfig struct {
	PathRegex               string        `yaml:"path_regex"`
	KMS                     any           `yaml:"kms"`
	AWSProfile              string        `yaml:"aws_profile"`
	Age                     any           `yaml:"age"`
	PGP                     any           `yaml:"pgp"`
	GCPKMS                  any           `yaml:"gcp_kms"`
	HCKMS                   []string      `yaml:"hckms"`
	AzureKeyVault           any           `yaml:"azure_keyvault"`
	VaultURI                any           `yaml:"hc_vault_transit_uri"`
	KeyGroups               []groupConfig `yaml:"key_groups"`
	ShamirThreshold         int           `yaml:"shamir_threshold"`
	UnencryptedSuffix       string        `yaml:"unencrypted_suffix"`
	EncryptedSuffix         string        `yaml:"encrypted_suffix"`
	UnencryptedRegex        string        `yaml:"unencrypted_regex"`
	EncryptedRegex          string        `yaml:"encrypted_regex"`
	UnencryptedCommentRegex string        `yaml:"unencrypted_comment_regex"`
	EncryptedCommentRegex   string        `yaml:"encrypted_comment_regex"`
	MACOnlyEncrypted        bool          `yaml:"mac_only_encrypted"`
}

// rule returns what the fields mean, or with them why sops refuses the rule.
func (c *ruleConfig) rule() CreationRule {
	r := CreationRule{PathRegex: c.PathRegex, Threshold: c.ShamirThreshold,
		MACOnlyEncrypted: c.MACOnlyEncrypted, HasKeyGroups: len(c.KeyGroups) > 0}
	if c.PathRegex != "" {
		r.match, r.regexError = regexp.Compile(c.PathRegex)
	}
	values := []string{c.UnencryptedSuffix, c.EncryptedSuffix, c.UnencryptedRegex,
		c.EncryptedRegex, c.UnencryptedCommentRegex, c.EncryptedCommentRegex}
	for i, value := range values {
		switch {
		case value == "":
		case r.Selection.Key != "":
			r.unusable = fmt.Errorf("%s and %s exclude each other", r.Selection.Key, selectionKeys[i])
		default:
			r.Selection = Selection{selectionKeys[i], value}
		}
	}
	var err error
	if r.HasKeyGroups {
		for i := range c.KeyGroups {
			r.Groups = append(r.Groups, c.KeyGroups[i].group())
		}
	} else {
		var g RuleGroup
		g, err = c.group()
		r.Groups = []RuleGroup{g}
	}
	r.unusable = cmp.Or(r.unusable, err)
	return r
}

// group returns the keys of a rule without key_groups.
func (c *ruleConfig) group() (RuleGroup, error) {
	age, err := textOrList("age", c.Age)
	g := RuleGroup{Age: atCommas(age)}
	fields := []struct {
		kind  string
		value any
	}{{"pgp", c.PGP}, {"kms", c.KMS}, {"gcp_kms", c.GCPKMS}, {"hckms", anyList(c.HCKMS)},
		{"azure_keyvault", c.AzureKeyVault}, {"hc_vault_transit_uri", c.VaultURI}}
	for _, f := range fields {
		list, wrong := textOrList(f.kind, f.value)
		err = errors.Join(err, wrong)
		if len(list) == 0 {
			continue
		}
		g.Foreign = append(g.Foreign, ForeignKey{f.kind, valueYAML(list)})
		if f.kind == "kms" && c.AWSProfile != "" {
			g.Foreign = append(g.Foreign, ForeignKey{"aws_profile", valueYAML(c.AWSProfile)})
		}
	}
	return g, err
}

// textOrList returns a field that may be a text, split at commas, or a list of
// texts.
func textOrList(kind string, value any) ([]string, error) {
	switch v := value.(type) {
	case nil:
		return nil, nil
	case string:
		var list []string
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		return list, nil
	case []any:
		var list []string
		for _, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("%s: expected a list of texts, found %s in it", kind, typeName(item))
			}
			list = append(list, s)
		}
		return list, nil
	}
	return nil, fmt.Errorf("%s: expected a text or a list of texts, found %s", kind, typeName(value))
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case map[string]any, map[any]any:
		return "a map"
	case []any:
		return "a list"
	}
	return fmt.Sprintf("a value of the type %T", v)
}

// atCommas splits each recipient of a list at commas, as sops does. Nothing at
// all is no recipient, but an empty one beside others is, and is refused.
func atCommas(list []string) []string {
	if joined := strings.Join(list, ","); joined != "" {
		parts := strings.Split(joined, ",")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		return parts
	}
	return nil
}

func anyList[T any](list []T) any {
	if len(list) == 0 {
		return nil
	}
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = v
	}
	return all
}

// valueYAML returns a value on one line.
func valueYAML(v any) string {
	var n yaml.Node
	if n.Encode(v) != nil {
		return ""
	}
	return flowYAML(&n)
}
