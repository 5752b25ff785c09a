package term

import (
	"os"
	"testing"
	"time"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"postgres/password": "postgres/password",
		"größe ● 漢":         "größe ● 漢",
		"a\x1b[2Jb":         `a\x1b[2Jb`,
		"a\rb\n":            `a\x0db\x0a`,
		"x\u202etxt":        `x\u202etxt`,
		"\u009b31m":         `\u009b31m`,
		"bad\xff":           `bad\xff`,
	} {
		if got := Printable(text); got != want {
			t.Errorf("Printable(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"potato", 6, "potato"}, {"potato", 5, "pota…"}, {"potato", 1, "…"}, {"potato", 0, ""},
		{"漢字漢字", 8, "漢字漢字"}, {"漢字漢字", 7, "漢字漢…"}, {"漢字漢字", 6, "漢字…"}, {"e\u0301e", 2, "e\u0301e"},
	} {
		got := Shorten(c.text, c.width)
		if got != c.want || Columns(got) > c.width {
			t.Errorf("Shorten(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1204: "1,204", 1234567: "1,234,567", -999: "-999", -1000: "-1,000"} {
		if got := Thousands(n); got != want {
			t.Errorf("Thousands(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestTableInAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	table := Table{Headings: []string{"WHO", "WHAT"}}
	table.Styled([]Style{Red}, "host/potato", "a\tb\n")
	table.Row("x", "")
	if err := table.Write(NewOutput(w)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	got := make([]byte, 200)
	n, _ := r.Read(got)
	if want := "host/potato\ta\\x09b\\x0a\nx\t\n"; string(got[:n]) != want {
		t.Errorf("got %q, want %q", got[:n], want)
	}
}

func TestProgressLine(t *testing.T) {
	p := &Progress{what: "rekey", unit: "documents"}
	want := "rekey  ████████████████████▌           832/1,204 documents   0.4 s left"
	if got := p.line(832, 1204, time.Second); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got, want := p.line(3, 3, time.Second), "rekey  ██████████████████████████████  3/3 documents"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for d, want := range map[time.Duration]string{400 * time.Millisecond: "0.4 s", 61 * time.Second: "61 s", 5 * time.Minute: "5 min"} {
		if got := about(d); got != want {
			t.Errorf("about(%v) = %s, want %s", d, got, want)
		}
	}
}
