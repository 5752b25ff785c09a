// Package sops reads and writes documents in the SOPS file format, for age
// recipients, in YAML, JSON, dotenv, INI and binary form.
//
// It is bytes in, bytes out: it touches no file, network, clock or environment
// and knows nothing of identities; a caller passes two functions that unwrap
// and wrap a data key. Files it writes are read by sops 3.13, and the other way
// round; the bytes around the ciphertext are the same.
//
// A document is parsed without a key, unlocked, decrypted (which verifies its
// MAC), edited, and sealed again. Entries that did not change keep their
// ciphertext; a changed entry gets a fresh IV.
//
// The MAC proves that a document is whole, not who wrote it: anyone can encrypt
// a new document to public recipients.
//
// Do not use it for PGP, KMS or Vault keys: they survive an edit untouched, but
// only sops itself can wrap a new data key for them.
//
// The format is described by the sops source (https://github.com/getsops/sops);
// where its text and its behaviour disagree, behaviour governs.
package sops
