package fleet

import "slices"

// A groupConfig is one of the key_groups of a creation rule.
type groupConfig struct {
	Merge   []groupConfig `yaml:"merge"`
	KMS     []kmsConfig   `yaml:"kms"`
	GCPKMS  []gcpConfig   `yaml:"gcp_kms"`
	HCKMS   []hckmsConfig `yaml:"hckms"`
	AzureKV []azureConfig `yaml:"azure_keyvault"`
	Vault   []string      `yaml:"hc_vault"`
	Age     []string      `yaml:"age"`
	PGP     []string      `yaml:"pgp"`
}

type kmsConfig struct {
	ARN        string             `yaml:"arn"`
	Role       string             `yaml:"role,omitempty"`
	Context    map[string]*string `yaml:"context,omitempty"`
	AWSProfile string             `yaml:"aws_profile,omitempty"`
}

type gcpConfig struct {
	ResourceID string `yaml:"resource_id"`
}

type hckmsConfig struct {
	KeyID string `yaml:"key_id"`
}

type azureConfig struct {
	VaultURL string `yaml:"vaultUrl"`
	Key      string `yaml:"key"`
	Version  string `yaml:"version,omitempty"`
}

// group returns the keys of a key group: those of the groups merged into it
// first, each key once.
func (c *groupConfig) group() RuleGroup {
	flat := c.flatten()
	g := RuleGroup{Age: distinct(flat.Age)}
	add := func(kind string, list any) {
		if list != nil {
			g.Foreign = append(g.Foreign, ForeignKey{kind, valueYAML(list)})
		}
	}
	add("pgp", anyList(distinct(flat.PGP)))
	add("kms", anyList(distinctValues(flat.KMS)))
	add("gcp_kms", anyList(distinctValues(flat.GCPKMS)))
	add("hckms", anyList(distinctValues(flat.HCKMS)))
	add("azure_keyvault", anyList(distinctValues(flat.AzureKV)))
	add("hc_vault", anyList(distinct(flat.Vault)))
	return g
}

// flatten returns the group with all that is merged into it in front.
func (c *groupConfig) flatten() groupConfig {
	var flat groupConfig
	add := func(from groupConfig) {
		flat.KMS = append(flat.KMS, from.KMS...)
		flat.GCPKMS = append(flat.GCPKMS, from.GCPKMS...)
		flat.HCKMS = append(flat.HCKMS, from.HCKMS...)
		flat.AzureKV = append(flat.AzureKV, from.AzureKV...)
		flat.Vault = append(flat.Vault, from.Vault...)
		flat.PGP = append(flat.PGP, from.PGP...)
	}
	for i := range c.Merge {
		merged := c.Merge[i].flatten()
		flat.Age = append(flat.Age, merged.Age...)
		add(merged)
	}
	for _, item := range c.Age {
		flat.Age = append(flat.Age, atCommas([]string{item})...)
	}
	add(*c)
	return flat
}

func distinct(list []string) []string {
	var all []string
	for _, s := range list {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// distinctValues compares by what would be written.
func distinctValues[T any](list []T) []T {
	var all []T
	seen := map[string]bool{}
	for _, v := range list {
		if key := valueYAML(v); !seen[key] {
			seen[key] = true
			all = append(all, v)
		}
	}
	return all
}
