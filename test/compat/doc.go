// Package compat compares keyreeve under the name sops with the real sops: the
// same command lines, in folders that are the same.
package compat
