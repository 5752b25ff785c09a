// Package peers provides the real programs that keyreeve is compared with: sops,
// age and age-keygen, each in one pinned version. They are built from source
// with the go command when first asked for, and kept in the user's cache
// directory, so that later runs start at once and need no network.
//
// The package is for tests and benchmarks only; production code must not import it.
//
// A peer that cannot be had fails the test where the environment variable CI is
// set, and skips it with the reason elsewhere.
package peers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The versions of the peers that the tests are written against.
const (
	SopsVersion = "3.13.3"
	AgeVersion  = "1.3.2"
)

// buildTimeout bounds one build, downloads included. A cold build of sops
// compiles every cloud SDK that it links.
const buildTimeout = 25 * time.Minute

// The environment as it was when the process began: tests point HOME elsewhere,
// and the cache must not follow them.
var (
	startEnv           = os.Environ()
	startCache, errDir = os.UserCacheDir()
)

// A suite is the set of programs that one module version installs.
type suite struct {
	name    string // also the directory in the cache
	pattern string // what go install is given
	version string
	probes  []probe
	path    func() (string, error)
}

// A probe says how an installed program tells its version.
type probe struct {
	program string
	args    []string
}

var sopsSuite = newSuite("sops", "github.com/getsops/sops/v3/cmd/sops", SopsVersion,
	probe{"sops", []string{"--disable-version-check", "--version"}})

var ageSuite = newSuite("age", "filippo.io/age/cmd/...", AgeVersion,
	probe{"age", []string{"--version"}},
	probe{"age-keygen", []string{"--version"}})

func newSuite(name, pattern, version string, probes ...probe) *suite {
	s := &suite{name: name, pattern: pattern, version: version, probes: probes}
	s.path = sync.OnceValues(s.ensure)
	return s
}

// Sops returns the path of the real sops program.
func Sops(t testing.TB) string {
	t.Helper()
	return require(t, SopsPath)
}

// Age returns the path of the real age program.
func Age(t testing.TB) string {
	t.Helper()
	return require(t, AgePath)
}

// AgeKeygen returns the path of the real age-keygen program.
func AgeKeygen(t testing.TB) string {
	t.Helper()
	return require(t, AgeKeygenPath)
}

// SopsPath is Sops for callers without a testing.TB.
func SopsPath() (string, error) { return sopsSuite.program("sops") }

// AgePath is Age for callers without a testing.TB.
func AgePath() (string, error) { return ageSuite.program("age") }

// AgeKeygenPath is AgeKeygen for callers without a testing.TB.
func AgeKeygenPath() (string, error) { return ageSuite.program("age-keygen") }

func require(t testing.TB, find func() (string, error)) string {
	t.Helper()
	path, err := find()
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") != "":
		t.Fatalf("peer not available: %v", err)
	default:
		t.Skipf("peer not available: %v", err)
	}
	return ""
}

func (s *suite) program(name string) (string, error) {
	dir, err := s.path()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, name), nil
}

// ensure returns the directory that holds the suite's programs, building them
// if this machine does not have them yet. Test packages run in parallel
// processes; a file lock lets one of them build while the others wait.
func (s *suite) ensure() (string, error) {
	if errDir != nil {
		return "", fmt.Errorf("finding a cache directory: %w", errDir)
	}
	root := filepath.Join(startCache, "keyreeve", "peers")
	dir := filepath.Join(root, s.name+"-"+s.version)
	if s.verify(dir) == nil {
		return dir, nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFile(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if s.verify(dir) == nil {
		return dir, nil
	}
	return dir, s.install(root, dir)
}

// install builds the suite beside dir and renames it into place once every
// program has told the expected version.
func (s *suite) install(root, dir string) error {
	// The lock is held, so what an interrupted build left is nobody's.
	left, err := filepath.Glob(filepath.Join(root, s.name+"-build-*"))
	if err != nil {
		return err
	}
	for _, d := range left {
		os.RemoveAll(d)
	}
	temp, err := os.MkdirTemp(root, s.name+"-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := s.build(temp); err != nil {
		return err
	}
	if err := s.verify(temp); err != nil {
		return err
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(temp, dir)
}

func (s *suite) build(bin string) error {
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", s.pattern+"@v"+s.version)
	cmd.Dir = bin // outside any module, which go install pkg@version does not need
	// Flags and targets of the build under test are not for the peers: GOBIN
	// refuses a foreign target, and -mod=vendor a versioned package.
	cmd.Env = append(append([]string(nil), startEnv...),
		"GOBIN="+bin, "GOFLAGS=", "GOWORK=off", "GOOS=", "GOARCH=", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("building %s %s: %w%s", s.name, s.version, err, tail(out))
	}
	return nil
}

// verify runs every program in dir and compares the version that it tells.
func (s *suite) verify(dir string) error {
	for _, p := range s.probes {
		path := filepath.Join(dir, p.program)
		if _, err := os.Stat(path); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		out, err := exec.CommandContext(ctx, path, p.args...).CombinedOutput()
		cancel()
		if err != nil {
			return fmt.Errorf("running %s %s: %w%s", p.program, strings.Join(p.args, " "), err, tail(out))
		}
		if !tells(string(out), s.version) {
			return fmt.Errorf("%s says %q, want version %s", p.program, firstLine(out), s.version)
		}
	}
	return nil
}

// tells reports whether one word of a program's answer is the version.
func tells(output, version string) bool {
	for _, word := range strings.Fields(output) {
		if strings.TrimPrefix(word, "v") == version {
			return true
		}
	}
	return false
}

// lockFile waits for the exclusive lock on the file at path. The file stays:
// removing it would let two processes hold the lock on different files.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %q: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// tail returns the last lines of a command's output, ready to follow an error.
func tail(out []byte) string {
	const keep = 10
	text := strings.TrimSpace(string(out))
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	if len(lines) > keep {
		lines = lines[len(lines)-keep:]
	}
	return ":\n\t" + strings.Join(lines, "\n\t")
}

func firstLine(out []byte) string {
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
