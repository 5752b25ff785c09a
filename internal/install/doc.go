// Package install activates a manifest on a host: it decrypts each secret that
// the manifest names, writes them into a new generation directory with their
// owner and mode, and switches a symbolic link to it in one step. Until that
// step the old generation stays live, and an error leaves it live.
//
// This is the plain form: it writes into a directory that is there already and
// mounts nothing. Manifest fields that it does not serve are refused by name.
package install
