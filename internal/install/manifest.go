package install

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"keyreeve/sops"
)

// A Manifest says which secrets a host activates, in the fields of sops-nix.
type Manifest struct {
	Secrets           []Secret `json:"secrets"`
	SecretsMountPoint string   `json:"secretsMountPoint"` // directory of the generations
	SymlinkPath       string   `json:"symlinkPath"`       // link to the live generation
	KeepGenerations   int      `json:"keepGenerations"`   // 0 never prunes
	AgeKeyFile        string   `json:"ageKeyFile"`        // identities; empty: those of the environment
	AgeSSHKeyPaths    []string `json:"ageSshKeyPaths"`
}

// A Secret is one file of a generation.
type Secret struct {
	Name     string `json:"name"`     // file name in the generation; "/" makes folders
	Key      string `json:"key"`      // key path joined by "/"; empty: the whole document
	SopsFile string `json:"sopsFile"` // path of the document
	Format   string `json:"format"`   // yaml, json, dotenv, ini or binary; empty: yaml
	Mode     string `json:"mode"`     // octal; empty: 0400
	UID      int    `json:"uid"`
	GID      int    `json:"gid"`
	Owner    string `json:"owner"` // wins over uid
	Group    string `json:"group"` // wins over gid

	format sops.Format
	mode   fs.FileMode
}

// ParseManifest reads and validates a manifest in JSON or YAML. The error names
// every fault.
func ParseManifest(data []byte) (*Manifest, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		var value any
		if err := yaml.Unmarshal(data, &value); err != nil {
			return nil, fmt.Errorf("reading the manifest: %w", err)
		}
		converted, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("reading the manifest: %w", err)
		}
		data = converted
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var m Manifest
	if err := decoder.Decode(&m); err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	return &m, m.validate()
}

func (m *Manifest) validate() error {
	var faults []error
	if !path.IsAbs(m.SecretsMountPoint) {
		faults = append(faults, errors.New("secretsMountPoint is not an absolute path"))
	}
	if !path.IsAbs(m.SymlinkPath) {
		faults = append(faults, errors.New("symlinkPath is not an absolute path"))
	}
	if m.KeepGenerations < 0 {
		faults = append(faults, errors.New("keepGenerations is negative"))
	}
	seen := map[string]bool{}
	for i := range m.Secrets {
		s := &m.Secrets[i]
		if err := s.validate(); err != nil {
			faults = append(faults, fmt.Errorf("secret %q: %w", s.Name, err))
		}
		if seen[s.Name] {
			faults = append(faults, fmt.Errorf("secret %q: the name stands twice", s.Name))
		}
		seen[s.Name] = true
	}
	return errors.Join(faults...)
}

func (s *Secret) validate() error {
	if !fs.ValidPath(s.Name) || s.Name == "." {
		return errors.New("the name is no path inside a generation")
	}
	if s.SopsFile == "" {
		return errors.New("sopsFile is missing")
	}
	s.format = sops.YAML
	if s.Format != "" {
		format, err := sops.ParseFormat(s.Format)
		if err != nil {
			return err
		}
		s.format = format
	}
	mode := s.Mode
	if mode == "" {
		mode = "0400"
	}
	bits, err := strconv.ParseUint(mode, 8, 16)
	if err != nil || bits > 0o777 {
		return fmt.Errorf("the mode %q is not octal from 0 to 0777", mode)
	}
	s.mode = fs.FileMode(bits)
	return nil
}

// content returns the bytes of a secret. In binary, dotenv and INI it is always
// the whole file, as sops-nix has it.
func (s *Secret) content(d *sops.Document) ([]byte, error) {
	if s.Key == "" || s.format == sops.Binary || s.format == sops.Dotenv || s.format == sops.INI {
		return d.Plain(s.format)
	}
	node, err := d.Lookup(0, strings.Split(s.Key, "/"))
	if err != nil {
		return nil, err
	}
	if node.Kind == sops.Map || node.Kind == sops.List {
		return nil, fmt.Errorf("%s is a %s; a secret is one value", s.Key, node.Kind)
	}
	return d.ScalarBytes(node)
}
