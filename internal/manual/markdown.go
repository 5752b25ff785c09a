package manual

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Markdown returns the reference of all commands as one page.
func Markdown(root *cobra.Command) []byte {
	var b strings.Builder
	b.WriteString("# Commands\n\n<!-- made by make docs; do not edit -->\n\n")
	fmt.Fprintf(&b, "%s. `kr` is a short link to the same program. Every command has `--help`,\nand `keyreeve man DIR` writes the same as man pages.\n", root.Short)
	for _, group := range root.Groups() {
		fmt.Fprintf(&b, "\n**%s**\n", strings.TrimSuffix(group.Title, ":"))
		for _, c := range root.Commands() {
			if c.IsAvailableCommand() && c.GroupID == group.ID {
				b.WriteString("\n- " + link(c) + ": " + c.Short)
				for _, below := range Commands(c) {
					b.WriteString("\n  - " + link(below) + ": " + below.Short)
				}
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n## Flags of every command\n\n")
	table(&b, flags(root.PersistentFlags()))
	for _, c := range Commands(root) {
		section(&b, c)
	}
	return []byte(b.String())
}

func link(c *cobra.Command) string {
	return fmt.Sprintf("[%s](#%s)", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"))
}

func section(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n", c.CommandPath())
	text := description(c)
	if c.Long == "" {
		text = c.Short + "."
	}
	b.WriteString(text + "\n")
	if c.Example == "" {
		b.WriteString("\nCommands:\n\n")
		for _, below := range c.Commands() {
			if below.IsAvailableCommand() {
				b.WriteString("- " + link(below) + ": " + below.Short + "\n")
			}
		}
		return
	}
	fmt.Fprintf(b, "\n    %s\n", synopsis(c))
	if all := flags(c.NonInheritedFlags()); len(all) > 0 {
		b.WriteString("\n")
		table(b, all)
	}
	code(b, "Examples", c.Example)
	code(b, "Exit status", c.Annotations[ExitAnnotation])
}

func table(b *strings.Builder, all []flag) {
	b.WriteString("| flag | |\n|---|---|\n")
	for _, f := range all {
		fmt.Fprintf(b, "| `%s` | %s |\n", f.name, cell(f.usage))
	}
}

func code(b *strings.Builder, heading, text string) {
	if strings.Trim(text, "\n") == "" {
		return
	}
	fmt.Fprintf(b, "\n%s:\n\n", heading)
	for _, line := range lines(text) {
		b.WriteString(strings.TrimRight("    "+strings.TrimPrefix(line, "  "), " ") + "\n")
	}
}

// cell keeps a text within one cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", `\<`, "*", `\*`).Replace(text)
}
