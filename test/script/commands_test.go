package script

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// code runs a command and demands an exit code: code 5 keyreeve get …
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [args…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// sshd starts the real sshd on a loopback port with a host key, and puts
// ADDRESS:PORT into a variable: sshd VARIABLE KEYFILE.
func sshd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sshd VARIABLE KEYFILE")
	}
	program, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil && os.Getenv("CI") == "" {
		ts.Setenv(args[0], "")
		return
	}
	ts.Check(err)
	_ = os.MkdirAll("/run/sshd", 0o755)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	address := free.Addr().String()
	ts.Check(free.Close())
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(program, "-D", "-f", "/dev/null", "-h", ts.MkAbs(args[1]), "-p", port, "-o", "ListenAddress=127.0.0.1", "-o", "PidFile=none")
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 200 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			ts.Setenv(args[0], address)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("sshd does not listen")
}

// pub makes an identity and puts its recipient into a variable: pub NAME makes
// NAME.key and $NAME.
func pub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: pub NAME…")
	}
	for _, name := range args {
		ts.Check(ts.Exec("keyreeve", "key", "new", ts.Getenv("WORK")+"/"+name+".key"))
		ts.Setenv(name, strings.TrimSpace(ts.ReadFile("stdout")))
	}
}

// bytes writes exact bytes, in Go's escapes, into a file: bytes FILE 'a\xff'.
func bytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: bytes FILE TEXT")
	}
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(args[1], `"`, `\"`) + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// expand puts the values of variables into files: expand FILE…
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand FILE…")
	}
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), func(key string) string {
			if value := ts.Getenv(key); value != "" {
				return value
			}
			return "$" + key
		})
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}
