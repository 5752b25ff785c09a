package memdir

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// hasNoSwap reports whether the tmpfs at or above a folder is mounted with
// noswap, as Linux can since 6.4.
func hasNoSwap(dir string) bool {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	return err == nil && noSwapIn(string(mounts), dir)
}

// noSwapIn looks up a folder in the text of /proc/self/mountinfo (proc(5)); of
// several mounts at one place the last counts.
func noSwapIn(mounts, dir string) bool {
	deepest, found := -1, false
	for line := range strings.Lines(mounts) {
		before, after, ok := strings.Cut(line, " - ")
		fields, super := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(super) == 0 {
			continue
		}
		point := fields[4]
		if dir != point && !strings.HasPrefix(dir, strings.TrimSuffix(point, "/")+"/") || len(point) < deepest {
			continue
		}
		deepest = len(point)
		found = slices.Contains(strings.Split(super[len(super)-1], ","), "noswap")
	}
	return found
}

// swapWarning names the first swap space in a file such as /proc/swaps that
// would keep memory on a disk in the clear.
func swapWarning(file string, encrypted func(place string) bool) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for i, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if i == 0 || len(fields) < 2 || strings.HasPrefix(fields[0], "/dev/zram") || encrypted(fields[0]) {
			continue
		}
		return fmt.Sprintf("memory may be swapped to %s, which is not encrypted", fields[0])
	}
	return ""
}

// isEncrypted reports whether a swap device, or the device that a swap file lies
// on, is dm-crypt or stands on nothing else.
func isEncrypted(place string) bool {
	var st unix.Stat_t
	if unix.Stat(place, &st) != nil {
		return false
	}
	device := st.Dev
	if st.Mode&unix.S_IFMT == unix.S_IFBLK {
		device = st.Rdev
	}
	return isCrypt(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(device), unix.Minor(device)))
}

// isCrypt follows a device in sysfs to those that it is made of.
func isCrypt(device string) bool {
	uuid, err := os.ReadFile(filepath.Join(device, "dm", "uuid"))
	if err == nil && strings.HasPrefix(string(uuid), "CRYPT-") {
		return true
	}
	below, err := filepath.Glob(filepath.Join(device, "slaves", "*"))
	if err != nil || len(below) == 0 {
		return false
	}
	return !slices.ContainsFunc(below, func(slave string) bool { return !isCrypt(slave) })
}
