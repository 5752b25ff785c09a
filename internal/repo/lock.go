package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// LockOptions says how to wait for the lock.
type LockOptions struct {
	// Command is what other processes are told that holds the lock, such as
	// "keyreeve set". It must not hold anything secret.
	Command string
	// Timeout is how long to wait; zero is not at all.
	Timeout time.Duration
	// Waiting is called once when the lock is not free at once, with what is
	// known of its holder, which may be empty. Nil is allowed.
	Waiting func(holder string)
}

// A Lock keeps other processes from writing to a repository.
type Lock struct {
	// Recovery is what was done about a change that was interrupted between
	// [Open] and the lock; nil where there was none.
	Recovery *Recovery

	repo  *Repo
	state *tree
	file  *os.File
}

const lockName = "lock"

// Lock takes the lock that every write needs, and finishes or undoes a change
// that another process left behind. What a change is computed from has to be
// read after it. A process that does not get it in time gets a [*LockedError];
// so does one that asks for a second lock on the same repository.
func (r *Repo) Lock(ctx context.Context, opts LockOptions) (*Lock, error) {
	state, err := r.openState(true)
	if err != nil {
		return nil, err
	}
	file, err := acquire(ctx, state, opts)
	if err != nil {
		return nil, errors.Join(err, state.close())
	}
	lock := &Lock{repo: r, state: state, file: file}
	lock.Recovery, err = r.recoverLocked(state)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	r.held.mu.Lock()
	r.held.lock = lock
	r.held.mu.Unlock()
	return lock, nil
}

// Unlock gives the lock back. A second call does nothing.
func (l *Lock) Unlock() error {
	l.repo.held.mu.Lock()
	defer l.repo.held.mu.Unlock()
	if l.repo.held.lock == l {
		l.repo.held.lock = nil
	}
	return l.release()
}

func (l *Lock) release() error {
	if l.file == nil {
		return nil
	}
	// The note of the holder goes first; the kernel drops the lock on close.
	err := errors.Join(l.file.Truncate(0), l.file.Close(), l.state.close())
	l.file = nil
	return err
}

// Pauses between two looks at a lock that is taken.
const (
	firstPause   = 5 * time.Millisecond
	longestPause = 100 * time.Millisecond
)

func acquire(ctx context.Context, state *tree, opts LockOptions) (*os.File, error) {
	file, err := state.openLock(lockName)
	if err != nil {
		return nil, fmt.Errorf("opening the lock file: %w", err)
	}
	if err := wait(ctx, file, opts); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	note := fmt.Sprintf("process %d", os.Getpid())
	if opts.Command != "" {
		note += " (" + opts.Command + ")"
	}
	// Only for the message that others show: a full disk does not matter here.
	if file.Truncate(0) == nil {
		_, _ = file.WriteAt([]byte(note+"\n"), 0)
	}
	return file, nil
}

// wait takes the lock on an open file, asking again with growing pauses.
func wait(ctx context.Context, file *os.File, opts LockOptions) error {
	began := time.Now()
	pause := firstPause
	for told := false; ; {
		free, err := tryLock(file)
		if err != nil {
			return fmt.Errorf("locking the repository: %w", err)
		}
		if free {
			return nil
		}
		waited := time.Since(began)
		if waited >= opts.Timeout {
			return &LockedError{Holder: holder(file), Waited: waited}
		}
		if !told && opts.Waiting != nil {
			opts.Waiting(holder(file))
		}
		told = true
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(pause, opts.Timeout-waited)):
		}
		pause = min(2*pause, longestPause)
	}
}

// holder reads what the process that has the lock wrote about itself. Any
// other process of the same user could write here, so it is bounded and its
// control characters go.
func holder(file *os.File) string {
	buf := make([]byte, 200)
	n, _ := file.ReadAt(buf, 0)
	line, _, _ := bytes.Cut(buf[:n], []byte("\n"))
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, string(bytes.ToValidUTF8(line, nil)))
}
