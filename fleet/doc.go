// Package fleet is the inventory of a fleet and the policy that follows from it:
// who the users, hosts, groups and recovery recipients are, and which of them
// may read which document.
//
// [Parse] reads keyreeve.yaml strictly and reports every fault with its place;
// an [Inventory] is edited by methods that change only the lines they must, so
// that comments, order and style survive. [Inventory.Policy] resolves it, and
// [Policy.For] answers for one path. [Inventory.SopsYAML] writes the same policy
// into .sops.yaml for plain sops.
//
// Everything here is a pure function of its arguments: no file, network, clock
// or environment. The package holds public keys only; a private key found where
// a recipient belongs is reported and never quoted.
//
// Do not use it to decide from .sops.yaml alone whom to encrypt to: the
// inventory decides, the other file is derived from it.
package fleet
