package cli

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyreeve/internal/clip"
	"keyreeve/internal/edit"
	"keyreeve/internal/repo"
	"keyreeve/keys"
	"keyreeve/sops"
)

type getOptions struct {
	format               string
	entryOnly, ignoreMAC bool
	clip                 string
	clipTimeout          time.Duration
}

// anyClip stands for --clip without a program.
const anyClip = "auto"

func (a *app) getCommand() *cobra.Command {
	var o getOptions
	c := command("get REF", "Print a value, or a whole document",
		"  keyreeve get common/services#postgres/password\n  keyreeve get common/services#postgres --format json\n  keyreeve get users/tim/web#password --clip", cobra.ExactArgs(1), func(args []string) error {
			ref, err := repo.ParseRef(args[0])
			if err != nil {
				return err
			}
			data, err := a.get(ref, o)
			if err != nil {
				return err
			}
			if o.clip != "" {
				return a.toClipboard(args[0], data, o)
			}
			if a.outTerm.IsTerminal() && !strings.HasSuffix(string(data), "\n") {
				data = append(data, '\n')
			}
			_, err = a.out.Write(data)
			return err
		})
	c.Long = `Print a value byte for byte, with a line end only on a terminal, or a whole document.

--clip copies it instead, with wl-copy, xclip, xsel, pbcopy or clip.exe, whichever is
there. A process that stays behind clears the clipboard after --clip-timeout if it still
holds the value. --clip=osc52 asks the terminal to copy, also over ssh; that copy cannot
be cleared from here.`
	f := c.Flags()
	f.StringVar(&o.format, "format", "", "print as json or yaml, with a line end; a string is quoted")
	f.BoolVar(&o.entryOnly, "entry-only", false, "open this entry alone; whether the document is whole is not checked")
	f.BoolVar(&o.ignoreMAC, "ignore-mac", false, "print although the document's MAC is wrong or missing")
	f.StringVar(&o.clip, "clip", "", "copy instead of printing, with this `PROGRAM` or osc52")
	f.Lookup("clip").NoOptDefVal = anyClip
	f.DurationVar(&o.clipTimeout, "clip-timeout", 45*time.Second, "clear the clipboard after this `TIME`")
	return c
}

func (a *app) get(ref repo.Ref, o getOptions) ([]byte, error) {
	format, known := map[string]sops.Format{"": sops.Binary, "json": sops.JSON, "yaml": sops.YAML}[o.format]
	switch {
	case !known:
		return nil, &usageError{fmt.Sprintf("there is no format %q", o.format), "json or yaml"}
	case o.entryOnly && (len(ref.Path) == 0 || o.format != "" || o.ignoreMAC):
		return nil, &usageError{"--entry-only reads one entry as it is", "such as " + ref.Doc + "#password"}
	}
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	if o.entryOnly {
		a.warn("only this entry was checked, not that the document is whole")
		return edit.GetEntryOnly(s, ref)
	}
	if o.ignoreMAC {
		a.warn("the MAC is not checked: values may have been moved, removed or taken from an older document")
	}
	r := edit.NewReader(s, sops.DecryptOptions{IgnoreMAC: o.ignoreMAC})
	if o.format != "" {
		data, err := r.GetAs(ref, format)
		return append(bytes.TrimSuffix(data, []byte{'\n'}), '\n'), err
	}
	return r.Get(ref)
}

// toClipboard copies a value and leaves a process behind that clears it.
func (a *app) toClipboard(ref string, value []byte, o getOptions) error {
	if o.clip == clip.Terminal {
		if !a.errTerm.IsTerminal() {
			return &usageError{"osc52 needs a terminal on stderr", ""}
		}
		if err := clip.CopyToTerminal(a.err, value); err != nil {
			return err
		}
		a.note("%s went to the terminal's clipboard and stays there", ref)
		return nil
	}
	name := strings.TrimPrefix(o.clip, anyClip)
	tool, err := clip.Find(name)
	if err != nil {
		return &usageError{err.Error(), "over ssh, --clip=osc52 asks the terminal"}
	}
	if err := tool.Copy(a.ctx, value); err != nil {
		return err
	}
	if o.clipTimeout <= 0 {
		a.note("%s is on the clipboard until you clear it", ref)
		return nil
	}
	program, err := os.Executable()
	if err == nil {
		args := []string{"keyreeve", holdName, tool.Name, o.clipTimeout.String()}
		err = clip.StartHolder(program, args, keys.ChildEnv(os.Environ()), value)
	}
	if err != nil {
		return fmt.Errorf("the value is on the clipboard and will not be cleared: %w", err)
	}
	a.note("%s is on the clipboard for %s", ref, o.clipTimeout)
	return nil
}

const holdName = "clear-clipboard"

// holdCommand is the process that [app.toClipboard] leaves behind.
func (a *app) holdCommand() *cobra.Command {
	c := command(holdName+" PROGRAM TIME", "Clear the clipboard after a time if it still holds what stdin says",
		"  printf %s VALUE | keyreeve clear-clipboard xclip 45s\n  printf %s VALUE | keyreeve clear-clipboard wl-copy 0s", cobra.ExactArgs(2), func(args []string) error {
			tool, err := clip.Find(args[0])
			if err != nil {
				return &usageError{err.Error(), ""}
			}
			wait, err := time.ParseDuration(args[1])
			if err != nil {
				return &usageError{args[1] + " is no time", "such as 45s"}
			}
			return tool.Hold(a.ctx, a.in, wait)
		})
	c.Hidden = true
	return c
}
