package repo

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// A record says what a change does to which files. It holds no content: only
// paths, hashes and the names of temporary files. While the change is under
// way it is the intent record, afterwards the undo record.
type record struct {
	Version int          `json:"schema_version"`
	ID      string       `json:"id"`
	Command string       `json:"command"`
	Started time.Time    `json:"started"`
	Phase   phase        `json:"phase"`
	NoUndo  bool         `json:"no_undo,omitempty"`
	Files   []recordFile `json:"files"`
	Made    []string     `json:"made_folders,omitempty"` // parents before children
}

// A recordFile is one file of a change.
type recordFile struct {
	Path    string `json:"path"`
	Temp    string `json:"temp"`          // base name, beside the file
	Old     string `json:"old,omitempty"` // SHA-256, empty for an absent file
	New     string `json:"new,omitempty"`
	OldMode uint32 `json:"old_mode,omitempty"`
	NewMode uint32 `json:"new_mode,omitempty"`
}

// temp is the path of the temporary file.
func (f recordFile) temp() string { return path.Join(path.Dir(f.Path), f.Temp) }

// A phase says what has to happen to a change that was interrupted.
type phase string

const (
	// phasePrepared: files are being written beside their targets. Undone by
	// removing them. A change of one file has no other phase, because one
	// rename is whole or absent by itself.
	phasePrepared phase = "prepared"
	// phaseCommitted: all new bytes are on disk. Finished by renaming.
	phaseCommitted phase = "committed"
	// phaseReverting: a rename failed, the old bytes are being put back.
	phaseReverting phase = "reverting"
)

const (
	recordVersion = 1
	intentName    = "intent.json"
	undoName      = "undo.json"
	undoDir       = "undo"
	keptDir       = "kept"
)

// isHex reports whether s is n lower-case hexadecimal digits.
func isHex(s string, n int) bool { return len(s) == n && strings.Trim(s, "0123456789abcdef") == "" }

func isID(s string) bool   { return isHex(s, 16) }
func isHash(s string) bool { return s == "" || isHex(s, 64) }

func isTempName(s string) bool {
	rest, ok := strings.CutPrefix(s, ".keyreeve-")
	id, ending := strings.CutSuffix(rest, ".tmp")
	return ok && ending && isID(id)
}

// errCorrupt is a record that is no JSON. Only a prepared record, which is not
// waited for, can be cut short by a power loss.
var errCorrupt = errors.New("the record of a change is cut short")

func newID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func newTempName() string { return ".keyreeve-" + newID() + ".tmp" }

// hash names bytes; nil, an absent file, has the empty name.
func hash(data []byte) string {
	if data == nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (rec *record) encode() ([]byte, error) {
	data, err := json.Marshal(rec)
	return append(data, '\n'), err
}

// decodeRecord reads a record and refuses one that names anything but files
// below the root and temporaries of ours, since it decides what is renamed
// and removed.
func decodeRecord(data []byte) (*record, error) {
	var rec record
	if err := json.Unmarshal(data, &rec); err != nil {
		return nil, errCorrupt
	}
	switch {
	case rec.Version != recordVersion:
		return nil, fmt.Errorf("the record of a change has version %d, this program knows %d",
			rec.Version, recordVersion)
	case !isID(rec.ID), len(rec.Files) == 0:
		return nil, fmt.Errorf("the record of a change is malformed")
	case rec.Phase != phasePrepared && rec.Phase != phaseCommitted && rec.Phase != phaseReverting:
		return nil, fmt.Errorf("the record of a change has an unknown phase %q", rec.Phase)
	}
	for _, f := range rec.Files {
		if err := checkPath(f.Path); err != nil {
			return nil, err
		}
		if !isTempName(f.Temp) || !isHash(f.Old) || !isHash(f.New) {
			return nil, fmt.Errorf("the record of a change is malformed at %q", f.Path)
		}
	}
	for _, dir := range rec.Made {
		if err := checkPath(dir); err != nil {
			return nil, err
		}
	}
	return &rec, nil
}

// readRecord reads a record file. An absent one is fs.ErrNotExist.
func readRecord(state *tree, name string) (*record, error) {
	data, _, err := state.read(name)
	if err != nil {
		return nil, err
	}
	return decodeRecord(data)
}

// oldPath is where the old bytes of file i of a change are kept.
func (rec *record) oldPath(i int) string {
	return path.Join(undoDir, rec.ID, fmt.Sprint(i))
}
