package keys

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// DefaultTimeout is how long a plugin or a command may be silent.
const DefaultTimeout = time.Minute

// A pluginUI is how plugins reach a person.
type pluginUI struct {
	prompt  PromptFunc
	timeout time.Duration
	stderr  io.Writer
}

// A TimeoutError says that a program did not answer in time.
type TimeoutError struct {
	Program string
	After   time.Duration
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("%s did not answer within %s", e.Program, e.After)
}

// run calls use, which talks to a plugin, with callbacks to the person. The
// clock stands still while a person is asked. A plugin that is late is left
// behind: it sees its input end when this process does.
func (ui pluginUI) run(name string, use func(*plugin.ClientUI) ([]*age.Stanza, []byte, error)) ([]*age.Stanza, []byte, error) {
	type result struct {
		stanzas []*age.Stanza
		fileKey []byte
		err     error
	}
	timer := time.NewTimer(ui.timeout)
	defer timer.Stop()
	restore := hideIdentities()
	defer restore()
	done := make(chan result, 1)
	go func() {
		stanzas, fileKey, err := use(ui.callbacks(timer))
		done <- result{stanzas, fileKey, err}
	}()
	select {
	case r := <-done:
		return r.stanzas, r.fileKey, r.err
	case <-timer.C:
		return nil, nil, &TimeoutError{Program: "age-plugin-" + name, After: ui.timeout}
	}
}

func (ui pluginUI) callbacks(timer *time.Timer) *plugin.ClientUI {
	asking := func(name, message string) ([]byte, error) {
		if ui.prompt == nil {
			return nil, ErrNoPrompt
		}
		timer.Stop()
		defer timer.Reset(ui.timeout)
		return ui.prompt(printable("age-plugin-" + name + ": " + message))
	}
	show := func(name, message string) {
		if ui.stderr != nil {
			fmt.Fprintf(ui.stderr, "age-plugin-%s: %s\n", name, printable(message))
		}
	}
	return &plugin.ClientUI{
		DisplayMessage: func(name, message string) error {
			timer.Reset(ui.timeout)
			show(name, message)
			return nil
		},
		RequestValue: func(name, message string, secret bool) (string, error) {
			answer, err := asking(name, message)
			return string(answer), err
		},
		Confirm: func(name, message, yes, no string) (bool, error) {
			if no == "" {
				_, err := asking(name, fmt.Sprintf("%s (enter for %q)", message, yes))
				return err == nil, err
			}
			answer, err := asking(name, fmt.Sprintf("%s (1 for %q, 2 for %q)", message, yes, no))
			if err != nil {
				return false, err
			}
			switch string(answer) {
			case "1":
				return true, nil
			case "2":
				return false, nil
			}
			return false, errors.New("neither 1 nor 2 was chosen")
		},
		WaitTimer: func(name string) { show(name, "waiting for it to answer") },
	}
}

// printable replaces what could steer a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// A pluginIdentity is a plugin's identity with a deadline.
type pluginIdentity struct {
	ui             pluginUI
	name, encoding string
}

func (ui pluginUI) identity(name, encoding string) age.Identity {
	return &pluginIdentity{ui: ui, name: name, encoding: encoding}
}

// Unwrap implements [age.Identity].
func (i *pluginIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	_, fileKey, err := i.ui.run(i.name, func(client *plugin.ClientUI) ([]*age.Stanza, []byte, error) {
		inner, err := plugin.NewIdentity(i.encoding, client)
		if err != nil {
			return nil, nil, errors.New("malformed plugin identity")
		}
		fileKey, err := inner.Unwrap(stanzas)
		return nil, fileKey, err
	})
	return fileKey, err
}

// A pluginRecipient is a plugin's recipient with a deadline and no way to ask.
type pluginRecipient struct {
	name, encoding string
}

func newPluginRecipient(s string) (age.Recipient, error) {
	r, err := plugin.NewRecipient(s, nil)
	if err != nil {
		return nil, err
	}
	return &pluginRecipient{name: r.Name(), encoding: s}, nil
}

// Wrap implements [age.Recipient].
func (r *pluginRecipient) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	ui := pluginUI{timeout: DefaultTimeout}
	stanzas, _, err := ui.run(r.name, func(client *plugin.ClientUI) ([]*age.Stanza, []byte, error) {
		inner, err := plugin.NewRecipient(r.encoding, client)
		if err != nil {
			return nil, nil, err
		}
		stanzas, err := inner.Wrap(fileKey)
		return stanzas, nil, err
	})
	return stanzas, err
}
