package term

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openPty returns both ends of a new terminal.
func openPty(t *testing.T, columns uint16) (far, near *os.File) {
	t.Helper()
	far, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	if err := unix.IoctlSetPointerInt(int(far.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(far.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	near, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	if err := unix.IoctlSetWinsize(int(near.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: 24}); err != nil {
		t.Fatal(err)
	}
	return far, near
}

// shown returns what was written to a terminal up to a mark that it writes.
func shown(t *testing.T, far, near *os.File) string {
	t.Helper()
	const mark = "<end>"
	fmt.Fprint(near, mark)
	var all []byte
	buffer := make([]byte, 4096)
	for !strings.HasSuffix(string(all), mark) {
		n, err := far.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, buffer[:n]...)
	}
	return strings.TrimSuffix(string(all), mark)
}

func TestOutputOnATerminal(t *testing.T) {
	_, near := openPty(t, 132)
	t.Setenv("COLUMNS", "50")
	for _, c := range []struct {
		term, noColour string
		colour, moves  bool
	}{
		{"xterm", "", true, true}, {"xterm", "1", false, true}, {"dumb", "", false, false}, {"", "", false, false},
	} {
		t.Setenv("TERM", c.term)
		t.Setenv("NO_COLOR", c.noColour)
		o := NewOutput(near)
		if !o.IsTerminal() || o.Width() != 132 || o.colour != c.colour || o.moves != c.moves {
			t.Errorf("TERM=%s NO_COLOR=%s: %+v, width %d", c.term, c.noColour, o, o.Width())
		}
		painted := o.Paint(Red, "x") != "x"
		if painted != c.colour {
			t.Errorf("TERM=%s NO_COLOR=%s: painted %v", c.term, c.noColour, painted)
		}
	}
	r, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	if o := NewOutput(r); o.IsTerminal() || o.colour || o.Width() != 50 {
		t.Errorf("a pipe: %+v, width %d", o, o.Width())
	}
	t.Setenv("COLUMNS", "")
	if got := NewOutput(r).Width(); got != 80 {
		t.Errorf("a pipe without COLUMNS: width %d", got)
	}
}

func TestTableOnATerminal(t *testing.T) {
	far, near := openPty(t, 80)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	table := Table{Headings: []string{"WHO", "WHAT"}}
	table.Styled([]Style{Red}, "漢字", "x")
	table.Row("host/potato", "")
	if err := table.Write(NewOutput(near)); err != nil {
		t.Fatal(err)
	}
	want := "\x1b[2mWHO\x1b[0m          \x1b[2mWHAT\x1b[0m\r\n\x1b[31m漢字\x1b[0m         x\r\nhost/potato\r\n"
	if got := shown(t, far, near); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestProgressOnATerminal(t *testing.T) {
	far, near := openPty(t, 60)
	t.Setenv("TERM", "xterm")
	clock := time.Unix(0, 0)
	begin := func(quiet bool) *Progress {
		p := NewProgress(NewOutput(near), "verify", "documents", quiet)
		p.now = func() time.Time { return clock }
		p.start = clock
		return p
	}
	p := begin(false)
	p.Update(1, 100)
	clock = clock.Add(600 * time.Millisecond)
	p.Update(50, 100)
	p.Stop()
	if got := shown(t, far, near); got != "" {
		t.Errorf("work of a moment drew %q", got)
	}

	p = begin(false)
	clock = clock.Add(time.Second)
	p.Update(50, 100)
	clock = clock.Add(time.Millisecond)
	p.Update(51, 100)
	p.Stop()
	p.Stop()
	p.Update(100, 100)
	want := clearLine + Shorten("verify  "+bar(1, 2)+"  50/100 documents   1.0 s left", 59) + clearLine
	if got := shown(t, far, near); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}

	p = begin(true)
	clock = clock.Add(time.Hour)
	p.Update(50, 100)
	p.Stop()
	if got := shown(t, far, near); got != "" {
		t.Errorf("quiet work drew %q", got)
	}
}

func TestAsk(t *testing.T) {
	far, near := openPty(t, 80)
	out := NewOutput(near)
	fmt.Fprint(far, "yes\nsecond\n")
	for _, want := range []string{"yes", "second"} {
		if got, err := Ask(t.Context(), near, out, "? "); got != want || err != nil {
			t.Errorf("got %q %v, want %q", got, err, want)
		}
	}
	shown(t, far, near)

	type result struct {
		line []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := AskHidden(t.Context(), near, out, "value: ")
		done <- result{line, err}
	}()
	buffer := make([]byte, 100)
	n, err := far.Read(buffer) // the question; ECHO goes off after it
	if err != nil || string(buffer[:n]) != "value: " {
		t.Fatalf("asked %q, %v", buffer[:n], err)
	}
	for echoes(t, near) {
	}
	fmt.Fprint(far, "hunter2\n")
	if r := <-done; string(r.line) != "hunter2" || r.err != nil {
		t.Errorf("got %q %v", r.line, r.err)
	}
	if got := shown(t, far, near); strings.Contains(got, "hunter") {
		t.Errorf("the terminal showed %q", got)
	}

	ended, end := context.WithCancelCause(t.Context())
	cause := errors.New("signal")
	go func() {
		for echoes(t, near) {
		}
		end(cause)
	}()
	if _, err := AskHidden(ended, near, out, "value: "); !errors.Is(err, cause) {
		t.Errorf("an ended question: %v", err)
	}
	if !echoes(t, near) {
		t.Error("the terminal does not echo any more")
	}
	r, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Ask(t.Context(), r, out, "?"); !errors.Is(err, ErrNoTerminal) {
		t.Errorf("a pipe: %v", err)
	}
	if _, err := AskHidden(t.Context(), r, out, "?"); !errors.Is(err, ErrNoTerminal) {
		t.Errorf("a pipe: %v", err)
	}
}

func echoes(t *testing.T, f *os.File) bool {
	state, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Error(err)
		return false
	}
	return state.Lflag&unix.ECHO != 0
}
