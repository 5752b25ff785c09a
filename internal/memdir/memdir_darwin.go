package memdir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"keyreeve/keys"
)

// sectors is the size of the memory disk, 64 MiB, in units of 512 bytes.
const sectors = 64 << 20 / 512

// New makes a memory disk with a file system of its own, as
// sops-install-secrets does. macOS encrypts its swap.
func New() (*Folder, error) {
	device, err := run("/usr/bin/hdiutil", "attach", "-nomount", fmt.Sprintf("ram://%d", sectors))
	if err != nil {
		return nil, err
	}
	detach := func() error {
		_, err := run("/usr/bin/hdiutil", "detach", "-force", device)
		return err
	}
	dir, err := os.MkdirTemp("", "keyreeve-")
	if err != nil {
		return nil, errors.Join(err, detach())
	}
	release := func() error { return errors.Join(detach(), os.RemoveAll(dir)) }
	if _, err = run("/sbin/newfs_hfs", "-s", device); err == nil {
		_, err = run("/sbin/mount", "-t", "hfs", "-o", "nobrowse,nodev,nosuid,-m=0700", device, dir)
	}
	if err != nil {
		return nil, errors.Join(err, release())
	}
	return &Folder{Path: dir, release: release}, nil
}

// run runs one of the system's tools and returns what it prints, trimmed.
func run(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = keys.ChildEnv(os.Environ())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("making a memory disk: %s %s: %w: %s", name, args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
