package memdir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNewIsPrivateAndInMemory(t *testing.T) {
	f, err := New()
	if errors.Is(err, ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(f.Path, &fs); err != nil || fs.Type != unix.TMPFS_MAGIC && fs.Type != unix.RAMFS_MAGIC {
		t.Errorf("%s lies on a file system of type %x, %v", f.Path, fs.Type, err)
	}
	if info, err := os.Stat(f.Path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	file, second := filepath.Join(f.Path, "a"), filepath.Join(t.TempDir(), "b")
	if err := os.WriteFile(file, []byte("plaintext"), 0o600); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(file) // shows what the pages hold after the removal
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := os.Symlink(file, second); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(f.Path); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	held := make([]byte, 9)
	if _, err := open.ReadAt(held, 0); err != nil || string(held) != strings.Repeat("\x00", 9) {
		t.Errorf("the file held %q, %v", held, err)
	}
}

func TestSwapWarning(t *testing.T) {
	const head = "Filename Type Size Used Priority\n"
	none := func(string) bool { return false }
	for text, want := range map[string]string{
		head:                                    "",
		head + "/dev/zram0 partition 1 0 5\n":   "",
		head + "/dev/sda2 partition 1 0 -2\n":   "memory may be swapped to /dev/sda2, which is not encrypted",
		head + "/dev/zram0 p 1 0 5\n/s f 1 0\n": "memory may be swapped to /s, which is not encrypted",
	} {
		file := filepath.Join(t.TempDir(), "swaps")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := swapWarning(file, none); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if got := swapWarning(file, func(string) bool { return true }); got != "" {
			t.Errorf("encrypted %q: %q", text, got)
		}
	}
	if got := swapWarning(filepath.Join(t.TempDir(), "absent"), none); got != "" {
		t.Errorf("no swaps file: %q", got)
	}
}

func TestCryptDevices(t *testing.T) {
	sys := t.TempDir()
	device := func(name, uuid string, slaves ...string) string {
		dir := filepath.Join(sys, name)
		for _, sub := range []string{"dm", "slaves"} {
			if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "dm", "uuid"), []byte(uuid), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, slave := range slaves {
			if err := os.Symlink(filepath.Join(sys, slave), filepath.Join(dir, "slaves", slave)); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	device("disk", "")
	device("crypt", "CRYPT-LUKS2-x", "disk")
	for name, want := range map[string]bool{
		device("lvm-on-crypt", "LVM-x", "crypt"):           true,
		device("lvm-on-both", "LVM-x", "crypt", "disk"):    false,
		device("crypt-on-lvm", "CRYPT-PLAIN-x", "disk"):    true,
		filepath.Join(sys, "disk"):                         false,
		filepath.Join(sys, "absent"):                       false,
		device("lvm-on-lvm", "LVM-x", "lvm-on-crypt"):      true,
		device("lvm-on-plain-lvm", "LVM-x", "lvm-on-both"): false,
	} {
		if got := isCrypt(name); got != want {
			t.Errorf("%s: %v, want %v", filepath.Base(name), got, want)
		}
	}
}

func TestNoSwapMounts(t *testing.T) {
	const mounts = `24 1 0:1 / / rw - ext4 /dev/sda1 rw
25 24 0:2 / /run rw,nosuid shared:1 - tmpfs tmpfs rw,size=1k
26 25 0:3 / /run/safe rw - tmpfs tmpfs rw,noswap,mode=700
`
	for dir, want := range map[string]bool{"/run": false, "/run/safe": true, "/run/safe/x": true, "/run/safer": false, "/": false} {
		if got := noSwapIn(mounts, dir); got != want {
			t.Errorf("%s: %v, want %v", dir, got, want)
		}
	}
}
