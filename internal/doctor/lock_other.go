//go:build !linux

package doctor

// LockedMemory says that this system has no such limit to report.
func LockedMemory() (Check, bool) { return Check{}, false }
