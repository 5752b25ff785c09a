package cli

import (
	"fmt"
	"strings"

	"keyreeve/internal/lockstep"
)

// preview says what a plan does to documents.
func preview(plan *lockstep.Plan) []string {
	var lines []string
	renewed, exposed := 0, []string{}
	for _, d := range plan.Drift {
		line := "  " + d.Document
		if len(d.Add) > 0 {
			line += "  + " + strings.Join(d.Add, ", ")
		}
		if len(d.Remove) > 0 {
			line += "  - " + strings.Join(d.Remove, ", ")
			exposed = append(exposed, d.Entries...)
		}
		if d.NewDataKey {
			renewed++
		}
		lines = append(lines, line)
	}
	if len(exposed) > 0 {
		lines = append(lines, "", fmt.Sprintf("%s a new data key. Old clones and backups can still be read by the", count(renewed, "document gets", "documents get")),
			fmt.Sprintf("removed keys; until rotated, %s exposed:", count(len(exposed), "value stays", "values stay")))
		for i, ref := range exposed {
			if i == 20 {
				lines = append(lines, fmt.Sprintf("  and %d more", len(exposed)-i))
				break
			}
			lines = append(lines, "  "+ref)
		}
	}
	if len(plan.Drift) > 0 {
		lines = append([]string{fmt.Sprintf("%s readers:", count(len(plan.Drift), "document changes", "documents change"))}, lines...)
	}
	return lines
}
