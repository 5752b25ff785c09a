package fleet

import (
	"errors"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"keyreeve/keys"
)

// A recipientCache remembers recipients that parsed, because parsing one costs
// two scalar multiplications and every edit parses the whole inventory again.
type recipientCache struct{ *sync.Map }

func (c recipientCache) check(s string) error {
	if c.Map != nil {
		if _, ok := c.Load(s); ok {
			return nil
		}
	}
	if err := CheckRecipient(s); err != nil {
		return err
	}
	if c.Map != nil {
		c.Store(s, true)
	}
	return nil
}

// CheckRecipient returns a *[keys.RecipientError] if s cannot stand in an
// inventory and in .sops.yaml.
func CheckRecipient(s string) error {
	r, err := keys.ParseRecipient(s)
	if err != nil {
		return err
	}
	// sops splits every recipient in its configuration at commas.
	if strings.Contains(r.Comment(), ",") {
		return &keys.RecipientError{Reason: keys.Malformed, Input: r.Comment(), Hint: "remove the comma from the comment after the SSH key"}
	}
	return nil
}

// canonical returns the text by which recipients are compared: SSH keys lose
// their comment.
func canonical(s string) string {
	if !strings.HasPrefix(s, "ssh-") {
		return s
	}
	if fields := strings.Fields(s); len(fields) > 2 {
		return fields[0] + " " + fields[1]
	}
	return s
}

// checkRecipient reports what is wrong with a recipient and whether it can be
// used.
func (d *decoder) checkRecipient(n *yaml.Node, where string) bool {
	if d.bad[n] {
		return false
	}
	err := d.known.check(n.Value)
	if err == nil {
		return true
	}
	code, message, fix := CodeMalformed, err.Error(), ""
	var refused *keys.RecipientError
	if errors.As(err, &refused) {
		code = map[keys.Reason]string{keys.Placeholder: CodePlaceholder, keys.PrivateKey: CodePrivateKey, keys.Unsupported: CodeUnsupported, keys.Malformed: CodeMalformed}[refused.Reason]
		message, fix = refused.Reason.String(), refused.Hint
		if refused.Input != "" {
			message += " " + quote(refused.Input)
		}
	}
	d.fail(code, n, where+": "+message, fix)
	return false
}
