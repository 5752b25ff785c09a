package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Names that are fixed in every repository.
const (
	InventoryName = "keyreeve.yaml" // what makes a folder a repository
	SecretsDir    = "secrets"       // where documents lie in the standard layout
	RecordDir     = ".keyreeve"     // the committed record of what keyreeve did
)

// A Repo is one fleet's working tree. Its methods may be called from several
// goroutines, and it needs no closing.
type Repo struct {
	// Root is the absolute path of the folder of keyreeve.yaml, with symbolic
	// links resolved.
	Root string
	// Recovery is what [Open] did about a change that was interrupted; nil
	// where there was none.
	Recovery *Recovery

	files  *tree
	git    gitPlace
	covers func(path string) bool // nil: what is below secrets/
	held   *held
}

// held is the lock that this process has on a repository, if any.
type held struct {
	mu   sync.Mutex
	lock *Lock
}

// Open finds keyreeve.yaml in dir or a folder above it, no higher than the
// root of the git work tree that dir is in, and finishes or undoes a change
// that was interrupted unless another process is writing. The error is
// [ErrNoInventory] where there is none.
//
// An inventory with another one above it in the same work tree is a
// *[NestedError] unless dir names its folder and is not just ".": whoever can
// commit a file could otherwise put a policy of their own under the feet of
// someone who works in a folder.
func Open(dir string) (*Repo, error) {
	start, err := resolveDir(dir)
	if err != nil {
		return nil, err
	}
	root, err := findInventory(start)
	if err != nil {
		return nil, err
	}
	if named := root == start && filepath.Clean(dir) != "."; !named {
		if outer, ok := inventoryAbove(root); ok {
			return nil, &NestedError{Inner: root, Outer: outer}
		}
	}
	return openRoot(root)
}

// inventoryAbove looks for another inventory above root in the work tree.
func inventoryAbove(root string) (string, bool) {
	for dir := root; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, InventoryName)); err == nil && dir != root {
			return dir, true
		}
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil || dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

// OpenFolder opens dir itself as the root, with an inventory or without: for
// commands that make a repository or look at a foreign one.
func OpenFolder(dir string) (*Repo, error) {
	root, err := resolveDir(dir)
	if err != nil {
		return nil, err
	}
	return openRoot(root)
}

func openRoot(root string) (*Repo, error) {
	files, err := openTree(root)
	if err != nil {
		return nil, fmt.Errorf("opening the repository: %w", err)
	}
	place, err := findGit(root)
	if err != nil {
		return nil, err
	}
	r := &Repo{Root: root, files: files, git: place, held: &held{}}
	r.Recovery, err = r.recoverIdle()
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Covering returns the same repository with another idea of which files are
// documents, for inventories with `layout: none`: every file below the root
// for which covers reports true, not only those below secrets/. Names that no
// document has (see [Repo.Documents]) are not asked about.
func (r *Repo) Covering(covers func(path string) bool) *Repo {
	other := *r
	other.covers = covers
	return &other
}

// Read returns the bytes of a file below the root, be it a document, the
// inventory or another file. It follows no symbolic link ([*UnsafePathError])
// and an absent file is [fs.ErrNotExist].
func (r *Repo) Read(path string) ([]byte, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	data, _, err := r.files.read(path)
	return data, err
}

func resolveDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

func findInventory(dir string) (string, error) {
	for {
		info, err := os.Lstat(filepath.Join(dir, InventoryName))
		switch {
		case err == nil && info.Mode().IsRegular():
			return dir, nil
		case err == nil:
			return "", &UnsafePathError{Path: filepath.Join(dir, InventoryName), Reason: "not a regular file"}
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return "", ErrNoInventory
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", ErrNoInventory
		}
		dir = parent
	}
}

// A gitPlace says where git keeps what belongs to a work tree. The zero value
// is a folder that git does not know.
type gitPlace struct {
	top    string // root of the work tree
	dir    string // git folder of this work tree
	common string // git folder shared by all work trees
	prefix string // slash path of the repository's root below top, "." at the top
}

// findGit looks for the git work tree that holds root without starting git.
func findGit(root string) (gitPlace, error) {
	for top := root; ; top = filepath.Dir(top) {
		if dir, ok := gitDirOf(top); ok {
			prefix, err := filepath.Rel(top, root)
			if err != nil {
				return gitPlace{}, err
			}
			return gitPlace{
				top: top, dir: dir, common: commonDir(dir), prefix: filepath.ToSlash(prefix),
			}, nil
		}
		if top == filepath.Dir(top) {
			return gitPlace{}, nil
		}
	}
}

// gitDirOf follows top/.git, a folder or a file that names one.
func gitDirOf(top string) (string, bool) {
	dir := filepath.Join(top, ".git")
	if data, err := os.ReadFile(dir); err == nil {
		target, ok := strings.CutPrefix(strings.TrimRight(string(data), "\r\n"), "gitdir: ")
		if !ok {
			return "", false
		}
		dir = target
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(top, dir)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil {
		return "", false
	}
	return dir, true
}

// commonDir follows the commondir file of a linked work tree.
func commonDir(dir string) string {
	data, err := os.ReadFile(filepath.Join(dir, "commondir"))
	if err != nil {
		return dir
	}
	common := strings.TrimRight(string(data), "\r\n")
	if !filepath.IsAbs(common) {
		common = filepath.Join(dir, common)
	}
	return filepath.Clean(common)
}

// stateDir is the path of the folder that holds the lock and the records.
func (r *Repo) stateDir() string {
	switch r.git.prefix {
	case "":
		return filepath.Join(r.Root, filepath.FromSlash(localDir))
	case ".":
		return filepath.Join(r.git.dir, "keyreeve")
	}
	return filepath.Join(r.git.dir, "keyreeve", "at-"+url.PathEscape(r.git.prefix))
}

// localDir holds the state where there is no git.
const localDir = RecordDir + "/local"

// openState opens the state folder, making it first where asked to.
func (r *Repo) openState(make bool) (*tree, error) {
	if make {
		if err := r.makeState(); err != nil {
			return nil, fmt.Errorf("making keyreeve's state folder: %w", err)
		}
	}
	return openTree(r.stateDir())
}

func (r *Repo) makeState() error {
	if r.git.prefix != "" {
		return os.MkdirAll(r.stateDir(), 0o700)
	}
	// The folder lies where others may have put links, so the careful way.
	if err := r.files.mkdirAll(localDir, 0o755); err != nil {
		return err
	}
	const ignore = localDir + "/.gitignore"
	if _, err := r.files.stat(ignore); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return r.files.replace(ignore, []byte("*\n"), 0o644)
}
