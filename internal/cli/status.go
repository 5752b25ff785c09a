package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyreeve/internal/manual"
)

// exitMeanings says what each exit code stands for, in the words of --help.
var exitMeanings = map[int]string{
	0:              "done",
	exitError:      "an error",
	exitUsage:      "wrong usage",
	exitFindings:   "there are findings",
	exitNotFound:   "something that was named does not exist",
	exitNoIdentity: "none of your keys opens a document",
	exitIntegrity:  "a document was tampered with, or is damaged",
	exitConflict:   "a conflict: locked, changed meanwhile, in the way, readers not accepted",
	exitPartial:    "some was done and some not; each is named",
	exitInterrupt:  "interrupted (143 if terminated)",
}

// exitCodes are the codes besides 0, 1, 2 and 130 that commands which do not
// write may end with. Commands that write may end with any of [writingCodes],
// and those that stand here for more.
var exitCodes = map[string][]int{
	"access":         {exitNotFound, exitPartial},
	"access explain": {exitNotFound},
	"completion":     {},
	"check":          {exitFindings, exitNotFound},
	"demo":           {},
	"diff":           {exitFindings, exitNotFound, exitNoIdentity, exitIntegrity, exitPartial},
	"doctor":         {exitFindings},
	"get":            {exitNotFound, exitNoIdentity, exitIntegrity, exitConflict},
	"init":           {exitConflict},
	"install":        {exitNoIdentity, exitIntegrity},
	"key ls":         {},
	"key new":        {exitConflict},
	"key show":       {},
	"man":            {},
	"ls":             {exitNotFound, exitNoIdentity, exitIntegrity},
	"rekey":          {exitFindings},
	"schema":         {},
	"status":         {exitNotFound},
	"verify":         {exitNotFound, exitNoIdentity, exitIntegrity, exitPartial},
	"version":        {},
}

var (
	writingCodes = []int{exitNotFound, exitNoIdentity, exitIntegrity, exitConflict, exitPartial}
	readingCodes = []int{exitNotFound, exitNoIdentity, exitIntegrity}
)

// childCodes are what a command that runs another one passes on.
const childCodes = `  its  the exit code of the command that is run; 128+n on signal n
  125  keyreeve's own failure
  126  the command cannot be run
  127  the command was not found`

// addExitStatus gives every command below root that does something an exit
// status section, for documents made from the tree. Its help makes its own.
func addExitStatus(root *cobra.Command) {
	visit(root, func(c *cobra.Command) {
		if c.Annotations == nil {
			c.Annotations = map[string]string{}
		}
		if c.Annotations[manual.ExitAnnotation] == "" {
			c.Annotations[manual.ExitAnnotation] = exitStatus(c)
		}
	})
}

// visit calls f for every command below c that has no others below it, or runs
// by itself besides.
func visit(c *cobra.Command, f func(*cobra.Command)) {
	for _, below := range c.Commands() {
		if below.Example != "" {
			f(below)
		}
		visit(below, f)
	}
}

func exitStatus(c *cobra.Command) string {
	_, name, _ := strings.Cut(c.CommandPath(), " ")
	switch name {
	case "exec":
		return childCodes
	case "sops":
		return sopsCodes
	}
	codes, known := exitCodes[name]
	switch {
	case c.Flags().Lookup("accept-grants") != nil && name != "init":
		codes = slices.Concat(codes, writingCodes)
	case !known:
		codes = readingCodes
	}
	codes = append([]int{0, exitError, exitUsage, exitInterrupt}, codes...)
	slices.Sort(codes)
	var lines []string
	for _, code := range slices.Compact(codes) {
		lines = append(lines, fmt.Sprintf("  %-3d  %s", code, exitMeanings[code]))
	}
	return strings.Join(lines, "\n")
}

// Root returns the command tree, for documents made from it and tests over it.
// Its commands are not to be run; see [Run].
func Root() *cobra.Command {
	a := &app{}
	root := a.root()
	addExitStatus(root)
	a.complete(root)
	return root
}
