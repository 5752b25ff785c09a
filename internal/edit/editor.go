package edit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"keyreeve/internal/lockstep"
	"keyreeve/internal/memdir"
	"keyreeve/internal/repo"
	"keyreeve/keys"
	"keyreeve/sops"
)

// An Editor lets a person change plaintext.
type Editor struct {
	Command      string // of the shell's words, such as "code --wait"
	In, Out, Err *os.File
	// Again is asked after a save that cannot be stored; false gives up.
	Again func(err error) bool
	// Warn is told why plaintext may reach a disk after all.
	Warn func(warning string)
}

// quiet are the options that keep editors from writing copies elsewhere.
var quiet = map[string][]string{
	"vi":    {"-n", "-i", "NONE", "-c", "set nobackup nowritebackup noundofile"},
	"vim":   {"-n", "-i", "NONE", "-c", "set nobackup nowritebackup noundofile"},
	"nvim":  {"-n", "-i", "NONE", "-c", "set nobackup nowritebackup noundofile"},
	"nano":  {"--ignorercfiles"},
	"emacs": {"--eval", "(setq make-backup-files nil auto-save-default nil create-lockfiles nil)"},
}

// QuietArgs returns the options that keep an editor from writing copies of a file
// elsewhere, if they are known.
func QuietArgs(program string) []string { return quiet[filepath.Base(program)] }

// Quiet reports whether an editor is known to write no copies elsewhere.
func (e Editor) Quiet() bool {
	words := strings.Fields(e.Command)
	return len(words) > 0 && quiet[filepath.Base(words[0])] != nil
}

// An EditorError reports an editor that could not be run or that failed; nothing
// was changed.
type EditorError struct {
	Program string
	Err     error
}

func (e *EditorError) Error() string {
	return fmt.Sprintf("the editor %s: %v; nothing was changed", e.Program, e.Err)
}
func (e *EditorError) Unwrap() error { return e.Err }

func (e Editor) run(ctx context.Context, file string) error {
	words := strings.Fields(e.Command)
	if len(words) == 0 {
		return fmt.Errorf("no editor: set EDITOR")
	}
	args := append(words[1:], quiet[filepath.Base(words[0])]...)
	cmd := exec.CommandContext(ctx, words[0], append(args, file)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = e.In, e.Out, e.Err
	cmd.Env = keys.ChildEnv(os.Environ())
	if err := cmd.Run(); err != nil {
		return &EditorError{words[0], err}
	}
	return nil
}

const newDocument = "# A new document: one entry a line, such as\n# password: value\n"

// opening returns the text that an editor opens with.
func opening(s *lockstep.Session, path string, d *sops.Document, exists bool) ([]byte, error) {
	if exists {
		text, err := d.Plain(d.Format)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return text, nil
	}
	if text, err := Template(s, path); err != nil || text != nil {
		return text, err
	}
	return []byte(newDocument), nil
}

// Edit opens a document in an editor, on a memory file system that is wiped
// afterwards, and returns its change; nil if the text is the same.
func Edit(ctx context.Context, s *lockstep.Session, ref repo.Ref, e Editor) ([]repo.Change, error) {
	ref.Path = []string{""}
	path, exists, err := s.Repo.Target(ref)
	if err != nil {
		return nil, err
	}
	if _, ok := s.Policy.For(path); !ok {
		return nil, &lockstep.UncoveredError{Path: path}
	}
	d, old, err := openOrNew(s, path, exists)
	if err != nil {
		return nil, err
	}
	before, err := opening(s, path, d, exists)
	if err != nil {
		return nil, err
	}
	folder, err := memdir.New()
	if err != nil {
		return nil, err
	}
	defer folder.Remove()
	if folder.Warning != "" && e.Warn != nil {
		e.Warn(folder.Warning)
	}
	file := filepath.Join(folder.Path, filepath.Base(path))
	if err := os.WriteFile(file, before, 0o600); err != nil {
		return nil, err
	}
	for {
		if err := e.run(ctx, file); err != nil {
			return nil, err
		}
		after, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(before, after) {
			return nil, nil
		}
		c, err := stored(s, path, d, old, exists, after)
		if err == nil {
			return []repo.Change{c}, nil
		}
		if ctx.Err() != nil || e.Again == nil || !e.Again(err) {
			return nil, err
		}
	}
}

// stored returns the change that puts edited text in place of a document.
func stored(s *lockstep.Session, path string, d *sops.Document, old []byte, exists bool, text []byte) (repo.Change, error) {
	next, err := sops.ParsePlain(text, d.Format)
	if err != nil {
		return repo.Change{}, fmt.Errorf("%s: %w", path, err)
	}
	if exists {
		if err := next.Reuse(d); err != nil {
			return repo.Change{}, fmt.Errorf("%s: %w", path, err)
		}
	}
	return sealed(s, path, next, old, lockstep.KeepDataKey)
}
