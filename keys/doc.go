// Package keys holds age recipients and identities: it parses them, finds the
// identities that a machine has, and uses them to wrap and unwrap the data keys
// of SOPS documents.
//
// The identities found are those that sops finds, in its order, and some more:
// an SSH ed25519 key also opens what is encrypted to the age recipient that it
// converts to (as ssh-to-age and sops-nix do), and for root the system's own
// keys count. See [Discover].
//
// What a passphrase, a command or a plugin guards is opened only when nothing
// else decrypts. All that waits for a program has a deadline.
//
// An [Identity] never prints its private key; [Identity.Reveal] and
// [Identity.Save] are the only ways to it. No error of this package quotes
// text that may be a private key.
//
// Do not use it for files: it wraps 32-byte keys, in memory. For files, and for
// anything but SOPS documents, use filippo.io/age itself.
package keys
