package keys_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyreeve/keys"
)

// askTerminal is the program ask-terminal.
func askTerminal() {
	answer, err := keys.TerminalPrompt()("Passphrase\x1b[2J for x")
	fmt.Printf("right: %v, error: %v\n", string(answer) == os.Getenv("EXPECT"), err)
}

// fakePinentry is the program pinentry-fake. It writes what it is told and its
// environment to FAKE_LOG, and behaves as FAKE_MODE says.
func fakePinentry() {
	log, err := os.Create(os.Getenv("FAKE_LOG"))
	if err != nil {
		os.Exit(1)
	}
	mode := os.Getenv("FAKE_MODE")
	fmt.Fprintln(log, strings.Join(os.Environ(), "\n"))
	if mode == "hang" {
		time.Sleep(time.Minute)
	}
	fmt.Println("OK Pleased to meet you")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Fprintln(log, in.Text())
		switch {
		case strings.HasPrefix(in.Text(), "OPTION"):
			fmt.Println("ERR 83886254 Unknown option <Pinentry>")
		case in.Text() != "GETPIN":
			fmt.Println("OK")
		case mode == "cancel":
			fmt.Println("ERR 83886179 Operation cancelled <Pinentry>")
		case mode == "garbage":
			fmt.Println("hunter2 is no line of the protocol")
		case mode == "endless":
			fmt.Println("D " + strings.Repeat("hunter2", 1000))
		case mode == "gone":
			os.Exit(3)
		case mode == "refuse":
			fmt.Println("ERR 83886142 hunter2")
		default:
			fmt.Println("# a comment\n#another\nS STATUS\nD 100%25 \nD p%0Aä+s\nOK")
		}
	}
}

func TestPinentry(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	program := linkSelf(t, filepath.Join(t.TempDir(), "pinentry-fake"))
	t.Setenv("FAKE_LOG", log)
	t.Setenv("GPG_TTY", "/dev/pts/7")
	t.Setenv("SOPS_AGE_KEY", "not for you")
	late := new(keys.TimeoutError)
	tests := []struct {
		mode string
		ok   func(error) bool
	}{
		{"answer", func(err error) bool { return err == nil }},
		{"cancel", func(err error) bool { return errors.Is(err, keys.ErrCancelled) }},
		{"hang", func(err error) bool { return errors.As(err, &late) && late.Program == "pinentry-fake" }},
		{"garbage", func(err error) bool { return err != nil }},
		{"endless", func(err error) bool { return err != nil }},
		{"gone", func(err error) bool { return err != nil }},
		{"refuse", func(err error) bool { return err != nil && strings.Contains(err.Error(), "83886142") }},
	}
	for _, test := range tests {
		t.Run(test.mode, func(t *testing.T) {
			t.Setenv("FAKE_MODE", test.mode)
			timeout := 10 * time.Second
			if test.mode == "hang" {
				timeout = 300 * time.Millisecond
			}
			start := time.Now()
			answer, err := keys.PinentryPrompt(program, "key\nreeve", timeout)("100% of\nit")
			if !test.ok(err) || err != nil && (answer != nil || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("got %q, %v", answer, err)
			}
			if err == nil && string(answer) != "100% p\nä+s" {
				t.Errorf("got %q", answer)
			}
			if time.Since(start) > 8*time.Second {
				t.Error("it took too long")
			}
			said := string(mustRead(t, log))
			if strings.Contains(said, "not for you") {
				t.Error("pinentry inherited an identity")
			}
			for _, line := range []string{"OPTION ttyname=/dev/pts/7\n", "SETTITLE key%0Areeve\n", "SETDESC 100%25 of%0Ait\n", "GETPIN\n"} {
				if test.mode != "hang" && !strings.Contains(said, line) {
					t.Errorf("no %q in %q", line, said)
				}
			}
		})
	}
	if _, err := keys.PinentryPrompt(filepath.Join(t.TempDir(), "none"), "", 0)("x"); err == nil {
		t.Error("a missing program answered")
	}
}

// On a real pseudo-terminal nothing that is typed shows, and control characters
// of the message do not reach it.
func TestTerminalPrompt(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("script, which makes pseudo-terminals, is not installed")
	}
	program := linkSelf(t, filepath.Join(t.TempDir(), "ask-terminal"))
	tests := []struct{ typed, want string }{
		{"correct horse\n", "right: true, error: <nil>"},
		{"battery staple\n", "right: false, error: <nil>"},
		{"corr\x03", "right: false, error: interrupted"},
	}
	for _, test := range tests {
		cmd := exec.Command(script, "-qec", program, "/dev/null")
		cmd.Env = append(os.Environ(), "EXPECT=correct horse")
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var shown strings.Builder
		typed := false
		buf := make([]byte, 256)
		for {
			n, err := stdout.Read(buf)
			shown.Write(buf[:n])
			if err != nil {
				break
			}
			// Echo is off a moment after the question shows.
			if !typed && strings.Contains(shown.String(), "for x: ") {
				typed = true
				time.Sleep(200 * time.Millisecond)
				if _, err := stdin.Write([]byte(test.typed)); err != nil {
					t.Fatal(err)
				}
			}
			if strings.Contains(shown.String(), "error: ") {
				_ = stdin.Close()
			}
		}
		_ = cmd.Wait()
		text := shown.String()
		if !strings.Contains(text, test.want) {
			t.Errorf("%q: got %q", test.typed, text)
		}
		for _, part := range []string{"horse", "staple", "corr", "\x1b[2J"} {
			if strings.Contains(text, part) {
				t.Errorf("%q: %q shows in %q", test.typed, part, text)
			}
		}
	}
}

func TestTerminalPromptWithoutTerminal(t *testing.T) {
	setsid, err := exec.LookPath("setsid")
	if err != nil {
		t.Skip("setsid, which takes the terminal away, is not installed")
	}
	out, err := exec.Command(setsid, "-w", linkSelf(t, filepath.Join(t.TempDir(), "ask-terminal"))).Output()
	if err != nil || !strings.Contains(string(out), "error: "+keys.ErrNoTerminal.Error()) {
		t.Errorf("got %q, %v", out, err)
	}
}
