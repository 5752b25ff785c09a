package doctor

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// LockedMemory says how much memory this user may keep out of swap.
func LockedMemory() (Check, bool) {
	var limit unix.Rlimit
	c := Check{Name: "locked memory", State: OK}
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		c.State, c.Detail = Warning, "the limit cannot be read: "+err.Error()
		return c, true
	}
	c.Detail = "no limit"
	if limit.Cur != unix.RLIM_INFINITY {
		c.Detail = fmt.Sprintf("at most %d KiB", limit.Cur/1024)
	}
	return c, true
}
