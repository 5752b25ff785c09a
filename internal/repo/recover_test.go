package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// interrupted makes a working tree of three files in the middle of a change of
// all of them, with the first `placed` of them in place.
func interrupted(t *testing.T, at phase, placed int) (*Repo, *transaction) {
	t.Helper()
	root := t.TempDir()
	put := func(name, content string) {
		os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755)
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(".git/HEAD", "ref: refs/heads/main\n")
	put(InventoryName, "version: 1\n")
	var changes []Change
	for i := range 3 {
		name := fmt.Sprintf("secrets/f%d.yaml", i)
		put(name, "old")
		changes = append(changes, Change{Path: name, Old: []byte("old"), New: []byte("new")})
	}
	r, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := r.plan(context.Background(), changes)
	if err != nil {
		t.Fatal(err)
	}
	if tx.state, err = r.openState(true); err != nil {
		t.Fatal(err)
	}
	tx.rec.Command = "interrupted"
	if err := errors.Join(tx.begin(), tx.prepare(context.Background())); err != nil {
		t.Fatal(err)
	}
	for _, f := range tx.rec.Files[:placed] {
		if err := tx.place(f); err != nil {
			t.Fatal(err)
		}
	}
	if at != phasePrepared {
		if err := tx.enter(at); err != nil {
			t.Fatal(err)
		}
	}
	return r, tx
}

func texts(t *testing.T, r *Repo) string {
	t.Helper()
	docs, err := r.Documents()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, doc := range docs {
		data, err := r.Read(doc)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(data))
	}
	entries, err := os.ReadDir(filepath.Join(r.Root, SecretsDir))
	if err != nil || len(entries) != len(docs) {
		t.Errorf("left beside the documents: %v, %v", entries, err)
	}
	return strings.Join(all, " ")
}

func TestRecover(t *testing.T) {
	write := func(name, content string) func(*Repo, *transaction) {
		return func(r *Repo, tx *transaction) {
			os.WriteFile(filepath.Join(r.Root, name), []byte(content), 0o644)
		}
	}
	loseTemp := func(i int) func(*Repo, *transaction) {
		return func(r *Repo, tx *transaction) { os.Remove(filepath.Join(r.Root, tx.rec.Files[i].temp())) }
	}
	loseOld := func(i int) func(*Repo, *transaction) {
		return func(r *Repo, tx *transaction) { os.Remove(filepath.Join(r.stateDir(), tx.rec.oldPath(i))) }
	}
	for _, c := range []struct {
		name      string
		at        phase
		placed    int
		meanwhile func(*Repo, *transaction)
		outcome   Outcome
		want      string
		conflicts []string
		kept      int
	}{
		{"prepared", phasePrepared, 0, nil, Undone, "old old old", nil, 0},
		{"decided", phaseCommitted, 0, nil, Finished, "new new new", nil, 0},
		{"half way", phaseCommitted, 2, nil, Finished, "new new new", nil, 0},
		{"all there", phaseCommitted, 3, nil, Finished, "new new new", nil, 0},
		{"reverting", phaseReverting, 2, nil, Undone, "old old old", nil, 0},
		{"prepared, edited", phasePrepared, 0, write("secrets/f1.yaml", "mine"), Undone, "old mine old", nil, 0},
		{"decided, edited", phaseCommitted, 0, write("secrets/f1.yaml", "mine"), Undone, "old mine old", nil, 0},
		{"half way, edited", phaseCommitted, 1, write("secrets/f1.yaml", "mine"),
			Finished, "new mine new", []string{"secrets/f1.yaml"}, 1},
		{"half way, edited what was there", phaseCommitted, 1, write("secrets/f0.yaml", "mine"),
			Finished, "mine new new", nil, 0},
		{"half way, temporary lost", phaseCommitted, 1, loseTemp(2), Undone, "old old old", nil, 0},
		{"decided, temporary lost", phaseCommitted, 0, loseTemp(2), Undone, "old old old", nil, 0},
		{"reverting, edited", phaseReverting, 2, write("secrets/f0.yaml", "mine"),
			Undone, "mine old old", []string{"secrets/f0.yaml"}, 0},
		{"reverting, old bytes lost", phaseReverting, 2, loseOld(0),
			Undone, "new old old", []string{"secrets/f0.yaml"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, tx := interrupted(t, c.at, c.placed)
			if c.meanwhile != nil {
				c.meanwhile(r, tx)
			}
			again, err := Open(r.Root)
			if err != nil {
				t.Fatal(err)
			}
			rv := again.Recovery
			if rv == nil || rv.Outcome != c.outcome || rv.Command != "interrupted" || len(rv.Paths) != 3 ||
				!slices.Equal(rv.Conflicts, c.conflicts) || time.Since(rv.Started) > time.Minute {
				t.Errorf("recovery %+v; want %s, conflicts %v", rv, c.outcome, c.conflicts)
			}
			if got := texts(t, again); got != c.want {
				t.Errorf("files %q, want %q", got, c.want)
			}
			kept, _ := os.ReadDir(filepath.Join(r.stateDir(), keptDir))
			if len(kept) != c.kept {
				t.Errorf("%d files were kept, want %d", len(kept), c.kept)
			}
			if third, err := Open(r.Root); err != nil || third.Recovery != nil {
				t.Errorf("opened again: %v, %+v", err, third.Recovery)
			}
		})
	}
}

// A change that another process is making is left alone.
func TestRecoverNotWhileLocked(t *testing.T) {
	r, tx := interrupted(t, phaseCommitted, 1)
	file, err := acquire(context.Background(), tx.state, LockOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(r.Root)
	if err != nil || other.Recovery != nil {
		t.Fatalf("%v, %+v", err, other.Recovery)
	}
	file.Close()
	lock, err := other.Lock(context.Background(), LockOptions{})
	if err != nil || lock.Recovery == nil || lock.Recovery.Outcome != Finished {
		t.Fatalf("Lock: %v, %+v", err, lock)
	}
	lock.Unlock()
	if got := texts(t, other); got != "new new new" {
		t.Error(got)
	}
}

// A record that a power loss cut short, or that someone made up, does no harm.
func TestRecoverBadRecord(t *testing.T) {
	r, tx := interrupted(t, phasePrepared, 0)
	intent := filepath.Join(r.stateDir(), intentName)
	good, err := os.ReadFile(intent)
	if err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(r.Root, ".git", "config")
	os.WriteFile(victim, []byte("precious"), 0o644)
	for what, edit := range map[string][2]string{
		"path up":        {`"path":"secrets/f0.yaml"`, `"path":"../x"`},
		"path in git":    {`"path":"secrets/f0.yaml"`, `"path":".git/config"`},
		"temporary":      {`"temp":"` + tx.rec.Files[0].Temp, `"temp":"../.git/config`},
		"id":             {`"id":"` + tx.rec.ID, `"id":"..`},
		"phase":          {`"prepared"`, `"other"`},
		"later version":  {`"schema_version":1`, `"schema_version":2`},
		"no files":       {`"files":[{`, `"other":[{`},
		"hash malformed": {`"old":"`, `"old":"zz`},
	} {
		bad := strings.Replace(string(good), edit[0], edit[1], 1)
		if bad == string(good) {
			t.Fatalf("%s: nothing to edit in %s", what, good)
		}
		os.WriteFile(intent, []byte(bad), 0o600)
		other, err := Open(r.Root)
		if err != nil {
			t.Fatal(err)
		}
		if other.Recovery == nil || other.Recovery.Outcome != Pending || other.Recovery.Err == nil {
			t.Errorf("%s: recovery %+v", what, other.Recovery)
		}
		if _, err := other.Lock(context.Background(), LockOptions{}); err == nil {
			t.Errorf("%s: locked all the same", what)
		}
	}
	if data, _ := os.ReadFile(victim); string(data) != "precious" {
		t.Error("a file of git was touched")
	}
	os.WriteFile(intent, good[:len(good)/2], 0o600)
	other, err := Open(r.Root)
	if err != nil || other.Recovery == nil || other.Recovery.Outcome != Undone {
		t.Fatalf("cut short: %v, %+v", err, other.Recovery)
	}
	if got := texts(t, other); got != "old old old" {
		t.Errorf("cut short: %q", got)
	}
}
