package manual

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// PageName is the name of a command's man page: keyreeve-host-add.1.
func PageName(c *cobra.Command) string {
	return strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
}

// Man returns the man page of one command, in the language of man(7), which
// both groff and mandoc read.
func Man(c *cobra.Command, version string) []byte {
	p := &page{}
	name := strings.TrimSuffix(PageName(c), ".1")
	p.macro("TH", strings.ToUpper(name), "1", "", "keyreeve "+version, "keyreeve")
	p.macro("SH", "NAME")
	p.raw(roff(name) + ` \- ` + roff(c.Short))
	p.macro("SH", "SYNOPSIS")
	p.raw(`\fB` + roff(synopsis(c)) + `\fR`)
	p.macro("SH", "DESCRIPTION")
	p.paragraphs(description(c))
	p.commands(c)
	p.flags("OPTIONS", flags(c.NonInheritedFlags()))
	p.flags("GLOBAL OPTIONS", flags(c.InheritedFlags()))
	p.verbatim("EXAMPLES", c.Example)
	p.verbatim("EXIT STATUS", c.Annotations[ExitAnnotation])
	p.see(c)
	return []byte(p.text.String())
}

type page struct{ text strings.Builder }

func (p *page) raw(line string) { p.text.WriteString(line + "\n") }

// macro writes a request with its arguments, quoted.
func (p *page) macro(name string, args ...string) {
	line := "." + name
	for _, arg := range args {
		line += ` "` + strings.ReplaceAll(roff(arg), `"`, `\(dq`) + `"`
	}
	p.raw(line)
}

func (p *page) paragraphs(text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			p.raw(".PP")
		}
		if strings.HasPrefix(paragraph, " ") {
			p.block(paragraph)
			continue
		}
		for _, line := range lines(paragraph) {
			p.raw(roff(line))
		}
	}
}

func (p *page) verbatim(heading, text string) {
	if strings.Trim(text, "\n") == "" {
		return
	}
	p.macro("SH", heading)
	p.block(text)
}

func (p *page) block(text string) {
	p.raw(".nf")
	for _, line := range lines(text) {
		p.raw(roff(line))
	}
	p.raw(".fi")
}

func (p *page) flags(heading string, all []flag) {
	if len(all) == 0 {
		return
	}
	p.macro("SH", heading)
	for _, f := range all {
		p.raw(".TP")
		p.raw(`\fB` + roff(f.name) + `\fR`)
		p.raw(roff(f.usage))
	}
}

func (p *page) commands(c *cobra.Command) {
	if !c.HasAvailableSubCommands() {
		return
	}
	p.macro("SH", "COMMANDS")
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() {
			p.raw(".TP")
			p.raw(fmt.Sprintf(`\fB%s\fR(1)`, roff(strings.TrimSuffix(PageName(below), ".1"))))
			p.raw(roff(below.Short))
		}
	}
}

// see names the page above.
func (p *page) see(c *cobra.Command) {
	above := []string{"age(1)", "git(1)"}
	if c.HasParent() {
		above = []string{strings.TrimSuffix(PageName(c.Parent()), ".1") + "(1)"}
	}
	p.macro("SH", "SEE ALSO")
	p.raw(roff(strings.Join(above, ", ")))
}

// roff escapes text: nothing in it is an instruction, and it is plain ASCII.
func roff(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case (r == '.' || r == '\'') && i == 0:
			b.WriteString(`\&` + string(r))
		case r > 126:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
