package clip

import (
	"context"
	"io"
	"os"
	"os/exec"
	"time"
)

// StartHolder starts a detached program that calls [Hold], and gives it the
// value by pipe. It does not wait for it.
func StartHolder(program string, args, env []string, value []byte) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer w.Close()
	cmd := exec.Command(program)
	cmd.Args = args
	cmd.Env = env
	cmd.Stdin = r
	cmd.Dir = "/"
	detach(cmd)
	err = cmd.Start()
	r.Close()
	if err != nil {
		return err
	}
	if _, err := w.Write(value); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// Hold reads a value from in, waits, and takes it off the clipboard. A signal
// ends the wait early, not the clearing.
func (t Tool) Hold(ctx context.Context, in io.Reader, wait time.Duration) error {
	value, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	return t.Clear(context.WithoutCancel(ctx), value)
}
