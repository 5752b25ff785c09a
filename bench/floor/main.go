// Command floor prints one word: what a Go process costs that does nothing. Given
// a command it runs it, and writes to descriptor 3 what it took: nanoseconds of
// wall and of processor time, and the peak of resident memory in KiB. A process
// begins with the peak of the one that starts it, which therefore must be small.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) == 1 {
		os.Stdout.WriteString("hello\n")
		return
	}
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	fmt.Fprintln(os.NewFile(3, "report"), int64(wall), int64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()), usage.Maxrss)
}
