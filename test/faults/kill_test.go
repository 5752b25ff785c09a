package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// A scene is a command and what holds before and after it.
type scene struct {
	name      string
	folder    string // below secrets/, of the documents
	documents int
	args      []string
	inventory string // what it has after the command and not before
	leaves    int    // documents after the command
	// reads is the identity whose access the command changes, and whether it has
	// access after it.
	identity string
	after    bool
}

var scenes = []scene{
	{"host rm", "common", 50, []string{"host", "rm", "potato", "--yes", "-q"}, "retired:", 50, "potato.key", false},
	{"host add", "common", 10, []string{"host", "add", "mbp", "--recipient", "MBP", "-q"}, "mbp:", 10, "mbp.key", true},
	{"rename", "potato", 10, []string{"host", "rename", "potato", "spud", "-q"}, "spud:", 10, "", false},
}

func (sc scene) sandbox(t *testing.T) (sandbox, []string) {
	t.Helper()
	s := newSandbox(t, sc.folder, sc.documents)
	args := append([]string(nil), sc.args...)
	for i := range args {
		if args[i] == "MBP" {
			args[i] = s.run(t, "", "key", "show", "../mbp.key")
		}
	}
	return s, args
}

// whole checks that a fault left everything as it was, or as the command makes
// it, once the next run has looked: every document opens and is as policy says,
// and the inventory agrees with who can read.
func (sc scene) whole(t *testing.T, s sandbox, where string) (isNew bool) {
	t.Helper()
	code, out := s.try("", "verify")
	if code != 0 || !strings.Contains(out, fmt.Sprintf("%d of %d documents", sc.leaves, sc.leaves)) {
		_, at := s.try("", "key", "ls")
		t.Errorf("%s: verify says %d\n%s\nkeys at hand: %s", where, code, out, at)
		return false
	}
	if code, out := s.try("", "rekey", "--check"); code != 0 {
		t.Errorf("%s: there is drift: %d\n%s", where, code, out)
	}
	inventory, err := os.ReadFile(filepath.Join(s.fleet(), "keyreeve.yaml"))
	if err != nil {
		t.Error(err)
	}
	isNew = strings.Contains(string(inventory), sc.inventory)
	if sc.identity != "" {
		get := s.command(program.path, "get", sc.folder+"/d7#a")
		get.Env = s.env("XDG_CONFIG_HOME="+s.dir+"/none", "SOPS_AGE_KEY_FILE="+filepath.Join(s.dir, sc.identity))
		if opens := get.Run() == nil; opens != (isNew == sc.after) {
			t.Errorf("%s: the command is done: %v, and %s opens a document: %v", where, isNew, sc.identity, opens)
		}
	}
	for _, pattern := range []string{".keyreeve-*.tmp", "secrets/.keyreeve-*.tmp", "secrets/*/.keyreeve-*.tmp", ".git/keyreeve/intent.json"} {
		if left, _ := filepath.Glob(filepath.Join(s.fleet(), pattern)); len(left) > 0 {
			t.Errorf("%s: left over: %v", where, left)
		}
	}
	return isNew
}

// calls are those that change what is on disk.
var calls = []string{"openat", "write", "fchmod", "fsync", "linkat", "mkdirat", "renameat", "unlinkat", "ftruncate", "pwrite64", "flock"}

// A command that is killed at any call loses nothing.
func TestKilled(t *testing.T) {
	need(t, "strace", "-o", os.DevNull, "true")
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			whole, args := sc.sandbox(t)
			var killed, done atomic.Int64
			for _, call := range calls {
				most := whole.most(t, call, args...)
				if call == "openat" { // mostly reads; those that make files are near the writes
					most = min(most, 3)
				}
				each(most, func(n int) {
					s, release := whole.copied(t)
					defer release()
					where := fmt.Sprintf("killed at %s number %d", call, n)
					_, met, _ := s.injected(fmt.Sprintf("%s:signal=KILL:when=%d", call, n), args...)
					if met {
						killed.Add(1)
					}
					if sc.whole(t, s, where) && met {
						done.Add(1)
					}
				})
			}
			t.Logf("killed %d times, %d of them were finished by the next run", killed.Load(), done.Load())
			if want := int64(3 * sc.documents); killed.Load() < want || done.Load() == 0 || done.Load() == killed.Load() {
				t.Errorf("too few kills were met: %d of at least %d, %d finished", killed.Load(), want, done.Load())
			}
		})
	}
}

// A call that fails at any place leaves all as it was, or all done, and says so.
func TestFailingCalls(t *testing.T) {
	need(t, "strace", "-o", os.DevNull, "true")
	sc := scenes[0]
	sc.documents, sc.leaves = 9, 9
	whole, args := sc.sandbox(t)
	var failed atomic.Int64
	for _, fault := range []string{"write:error=ENOSPC", "fsync:error=EIO", "renameat:error=EIO", "linkat:error=EMLINK",
		"mkdirat:error=ENOSPC", "fchmod:error=EPERM", "unlinkat:error=EROFS", "ftruncate:error=EIO", "openat:error=EMFILE"} {
		call, _, _ := strings.Cut(fault, ":")
		most := whole.most(t, call, args...)
		each(most, func(n int) {
			s, release := whole.copied(t)
			defer release()
			where := fmt.Sprintf("%s number %d", fault, n)
			code, met, out := s.injected(fmt.Sprintf("%s:when=%d", fault, n), args...)
			if !met || code == 2 && strings.Contains(out, "runtime") { // Go itself could not start
				return
			}
			isNew := sc.whole(t, s, where)
			switch {
			case code == 0 && !isNew:
				t.Errorf("%s: said done, and nothing changed", where)
			case code != 0 && !strings.Contains(out, "keyreeve: ") && call != "write": // which may be that of the message
				t.Errorf("%s: %d without a word\n%s", where, code, out)
			}
			if code != 0 {
				failed.Add(1)
			}
		})
	}
	t.Logf("failed %d times", failed.Load())
	if failed.Load() < 30 {
		t.Errorf("too few faults were met: %d", failed.Load())
	}
}
