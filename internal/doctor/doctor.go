// Package doctor looks at the machine that keyreeve runs on: which programs it
// can call, and whether there is a place in memory for plaintext. It changes
// nothing and asks nobody.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"

	"keyreeve/internal/memdir"
	"keyreeve/keys"
)

// The states of a check.
const (
	OK      = "ok"
	Absent  = "absent"  // optional, and not there
	Warning = "warning" // it works, with a risk
	Problem = "problem" // something does not work
)

// A Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Detail string `json:"detail"`
	Fix    string `json:"fix"` // what to do, or ""
}

// deadline bounds how long a program may take to say its version.
const deadline = 2 * time.Second

type program struct {
	name    string
	args    []string // that make it print its version; nil: it is only looked for
	purpose string
	needed  bool
}

var programs = []program{
	{"git", []string{"--version"}, "history, and who added a reader", true},
	{"sops", []string{"--version"}, "not needed; reads the same files", false},
	{"age", []string{"--version"}, "not needed; the same keys", false},
	{"ssh-keygen", nil, "shows fingerprints to compare", false},
	{"ssh-keyscan", nil, "host add --scan", false},
	{"pinentry", []string{"--version"}, "asks for passphrases without a terminal", false},
	{"rbw", []string{"--version"}, "keys in Bitwarden", false},
	{"bw", []string{"--version"}, "keys in Bitwarden", false},
}

// Programs looks for the programs that keyreeve and its users call, and for the
// editor, which the caller chose.
func Programs(ctx context.Context, editor string) []Check {
	checks := make([]Check, len(programs)+1)
	var all sync.WaitGroup
	for i, p := range programs {
		all.Go(func() { checks[i] = p.check(ctx) })
	}
	words := strings.Fields(editor)
	e := program{name: "editor", purpose: "edit"}
	if len(words) > 0 {
		e.name = words[0]
	}
	checks[len(programs)] = e.check(ctx)
	checks[len(programs)].Name = "editor"
	if c := &checks[len(programs)]; c.State != OK {
		c.State, c.Detail, c.Fix = Warning, e.name+" is not there, so edit does not work", "set EDITOR"
	}
	all.Wait()
	return checks
}

func (p program) check(ctx context.Context) Check {
	c := Check{Name: p.name, State: OK}
	path, err := exec.LookPath(p.name)
	if err != nil {
		c.State, c.Detail = Absent, p.purpose
		if p.needed {
			c.State, c.Fix = Problem, "install "+p.name
		}
		return c
	}
	c.Detail = path
	if p.args == nil {
		return c
	}
	version, err := versionOf(ctx, path, p.args)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		c.State, c.Detail, c.Fix = Warning, path+" does not answer in "+deadline.String(), "try it by hand: "+p.name+" "+strings.Join(p.args, " ")
	case err != nil:
		c.State, c.Detail, c.Fix = Warning, path+" fails: "+err.Error(), "try it by hand: "+p.name+" "+strings.Join(p.args, " ")
	case version != "":
		c.Detail = version + ", " + path
	}
	return c
}

var versionPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\d+(\.\d+)+\S*`) })

func versionOf(ctx context.Context, path string, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(keys.ChildEnv(os.Environ()), "SOPS_DISABLE_VERSION_CHECK=1")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return versionPattern().FindString(string(out)), err
}

// Memory looks for a place for plaintext that no disk holds.
func Memory() Check {
	c := Check{Name: "memory file system", State: OK}
	folder, err := memdir.New()
	if err != nil {
		c.State, c.Detail, c.Fix = Problem, "none, so edit and render refuse: plaintext goes to no disk", "a tmpfs that you can write to, at $XDG_RUNTIME_DIR or /dev/shm"
		return c
	}
	c.Detail = folder.Path
	if folder.Warning != "" {
		c.State, c.Detail, c.Fix = Warning, folder.Warning, "encrypt the swap, or turn it off"
	}
	if err := folder.Remove(); err != nil {
		c.State, c.Detail = Problem, "it cannot be emptied: "+err.Error()
	}
	return c
}

// KeyFile looks at who may read a file with identities; false if only its owner
// may, or where a mode does not say so.
func KeyFile(path string) (Check, bool) {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o044 == 0 {
		return Check{}, false
	}
	return Check{Name: "key file", State: Warning, Detail: fmt.Sprintf("%s can be read by others (mode %04o)", path, info.Mode().Perm()), Fix: "chmod 600 " + path}, true
}
