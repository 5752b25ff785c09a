package clip

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// display starts an X server of the test's own and points DISPLAY at it.
func display(t *testing.T) {
	t.Helper()
	for _, program := range []string{"Xvfb", "xclip"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	server := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "64x64x8", "-nolisten", "tcp")
	server.ExtraFiles = []*os.File{w}
	err = server.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("the X server did not come up: %v", err)
	}
	t.Setenv("DISPLAY", ":"+strings.TrimSpace(number))
	t.Setenv("WAYLAND_DISPLAY", "")
}

func held(t *testing.T, tool Tool) string {
	t.Helper()
	var b bytes.Buffer
	if err := call(t.Context(), tool.paste, nil, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestClipboard(t *testing.T) {
	display(t)
	tool, err := Find("xclip")
	if err != nil {
		t.Fatal(err)
	}
	value := []byte("s3cret \" line\nanother")
	if err := tool.Copy(t.Context(), value); err != nil {
		t.Fatal(err)
	}
	if got := held(t, tool); got != string(value) {
		t.Fatalf("the clipboard holds %q", got)
	}
	// Another value is left alone.
	if err := tool.Hold(t.Context(), strings.NewReader("other"), 0); err != nil {
		t.Fatal(err)
	}
	if got := held(t, tool); got != string(value) {
		t.Fatalf("after the holder of another value the clipboard holds %q", got)
	}
	// A signal ends the wait, not the clearing.
	ended, end := context.WithCancel(t.Context())
	end()
	if err := tool.Hold(ended, bytes.NewReader(value), time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := held(t, tool); got != "" {
		t.Fatalf("after it was cleared the clipboard holds %q", got)
	}
}

// A clipboard program stays behind, so it gets no identity.
func TestNoIdentityInEnvironment(t *testing.T) {
	t.Setenv("SOPS_AGE_KEY", "AGE-SECRET-KEY-1")
	t.Setenv("DISPLAY", ":7")
	var env bytes.Buffer
	if err := call(t.Context(), []string{"env"}, nil, &env); err != nil {
		t.Fatal(err)
	}
	if text := env.String(); strings.Contains(text, "SECRET") || !strings.Contains(text, "DISPLAY=:7") {
		t.Errorf("the environment is\n%s", text)
	}
}

func TestFind(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if tool, err := Find(""); err == nil {
		t.Errorf("found %s where there is none", tool.Name)
	}
	if _, err := Find("xclip"); err == nil || !strings.Contains(err.Error(), "$DISPLAY") {
		t.Errorf("xclip: %v", err)
	}
	if _, err := Find("nosuch"); err == nil || !strings.Contains(err.Error(), Terminal) {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestCopyToTerminal(t *testing.T) {
	var b bytes.Buffer
	if err := CopyToTerminal(&b, []byte("abc\n")); err != nil || b.String() != "\x1b]52;c;YWJjCg==\a" {
		t.Errorf("wrote %q, %v", b.String(), err)
	}
}
