package sops

import (
	"fmt"
	"strings"
)

// Format is one of the five file formats of sops.
type Format int

const (
	YAML Format = iota
	JSON
	Dotenv
	INI
	Binary
)

var formatNames = [...]string{YAML: "yaml", JSON: "json", Dotenv: "dotenv", INI: "ini", Binary: "binary"}

// String returns the name that sops uses for --input-type.
func (f Format) String() string { return formatNames[f] }

// ParseFormat returns the format of a name as in --input-type, or an error that
// lists the valid ones.
func ParseFormat(name string) (Format, error) {
	for f, n := range formatNames {
		if n == name {
			return Format(f), nil
		}
	}
	return 0, fmt.Errorf("unknown format %q: want yaml, json, dotenv, ini or binary", name)
}

// FormatOf returns the format of a path by its ending, as sops does: anything
// without a known ending is binary.
func FormatOf(path string) Format {
	switch {
	case strings.HasSuffix(path, ".yaml"), strings.HasSuffix(path, ".yml"):
		return YAML
	case strings.HasSuffix(path, ".json"):
		return JSON
	case strings.HasSuffix(path, ".env"):
		return Dotenv
	case strings.HasSuffix(path, ".ini"):
		return INI
	}
	return Binary
}
