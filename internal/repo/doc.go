// Package repo is the working tree of a fleet. It is the only package that
// knows where documents lie and the only one that writes them: everything
// that reads, names or changes a document goes through a [Repo].
//
// Paths are slash separated and relative to [Repo.Root], the folder that holds
// keyreeve.yaml. No path leaves that folder: `..`, absolute paths, symbolic
// links anywhere on the way and git's own folder are refused, and files are
// opened relative to directory handles so that a link that is swapped in
// between check and use is refused too.
//
// A change is whole or absent. [Repo.Apply] writes and syncs every new file
// beside its target, notes what it is about to do in an intent record below
// the git folder, renames, syncs the folders and turns the intent into the
// undo record. A run that is killed anywhere in between is finished or undone
// by the next [Open] or [Repo.Lock], which say so in a [Recovery].
//
// What lies below the git folder (git-dir/keyreeve) is:
//
//	lock          held with flock(2) by the one writer
//	intent.json   the change under way: paths, hashes and temporary names
//	undo.json     the last change; the intent that was finished
//	undo/ID/N     the bytes that file N of change ID had before
//	kept/ID-N     bytes of an interrupted change that could not be placed
//
// Without git the same files lie in .keyreeve/local, which ignores itself.
// No plaintext is ever written: documents come in and stay encrypted.
//
// On Windows folders cannot be synced, and a link that is swapped in between
// check and use is refused only where it leads out of the root.
package repo
