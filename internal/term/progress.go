package term

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	progressDelay = 700 * time.Millisecond // work that is done before stays silent
	progressEvery = 100 * time.Millisecond
	barWidth      = 30
	clearLine     = "\r\x1b[K"
)

// A Progress shows how far long work is: a bar with counts, drawn on a terminal
// only, only for work that takes longer than a moment, and gone when done.
type Progress struct {
	out        *Output // nil: draws nothing
	what, unit string
	now        func() time.Time
	mu         sync.Mutex
	start      time.Time
	drawn      time.Time // zero: nothing is on the screen
	stopped    bool
}

// NewProgress starts the clock of work such as "rekey", counted in units such
// as "documents". With quiet, and where out is no terminal, it draws nothing.
func NewProgress(out *Output, what, unit string, quiet bool) *Progress {
	p := &Progress{what: what, unit: unit, now: time.Now}
	if out.moves && !quiet {
		p.out = out
	}
	p.start = p.now()
	return p
}

// Update says that done of total are done. It may be called by several
// goroutines, and as a plain func(done, total int).
func (p *Progress) Update(done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.out == nil || p.stopped || now.Sub(p.start) < progressDelay || now.Sub(p.drawn) < progressEvery {
		return
	}
	p.drawn = now
	fmt.Fprint(p.out, clearLine+Shorten(p.line(done, total, now.Sub(p.start)), p.out.Width()-1))
}

// Stop clears the bar. Nothing is drawn after it.
func (p *Progress) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if !p.drawn.IsZero() {
		fmt.Fprint(p.out, clearLine)
		p.drawn = time.Time{}
	}
}

func (p *Progress) line(done, total int, took time.Duration) string {
	counts := fmt.Sprintf("%s/%s %s", Thousands(done), Thousands(total), p.unit)
	text := fmt.Sprintf("%s  %s  %s", p.what, bar(done, total), counts)
	if done > 0 && done < total {
		left := time.Duration(float64(took) / float64(done) * float64(total-done))
		text += fmt.Sprintf("   %s left", about(left))
	}
	return text
}

// about writes a duration as a person says it.
func about(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f min", d.Minutes())
}

// bar draws in halves of a column.
func bar(done, total int) string {
	halves := 0
	if total > 0 {
		halves = min(done, total) * 2 * barWidth / total
	}
	return Pad(strings.Repeat("█", halves/2)+strings.Repeat("▌", halves%2), barWidth)
}

// Thousands writes a count with a comma between each three digits.
func Thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
