package compat

import (
	"fmt"
	"strings"
)

// completionFlag ends the command line of a shell that completes.
const completionFlag = "--generate-bash-completion"

// The scripts are those that sops prints (cmd/sops/completion.go), which are
// urfave/cli's.
const bashScript = `#! /bin/bash

_cli_bash_autocomplete() {
  if [[ "${COMP_WORDS[0]}" != "source" ]]; then
    local cur opts base
    COMPREPLY=()
    cur="${COMP_WORDS[COMP_CWORD]}"
    if [[ "$cur" == "-"* ]]; then
      opts=$( ${COMP_WORDS[@]:0:$COMP_CWORD} ${cur} --generate-bash-completion )
    else
      opts=$( ${COMP_WORDS[@]:0:$COMP_CWORD} --generate-bash-completion )
    fi
    COMPREPLY=( $(compgen -W "${opts}" -- ${cur}) )
    return 0
  fi
}
complete -o bashdefault -o default -o nospace -F _cli_bash_autocomplete sops
`

const zshScript = `#compdef sops

_cli_zsh_autocomplete() {

  local -a opts
  local cur
  cur=${words[-1]}
  if [[ "$cur" == "-"* ]]; then
    opts=("${(@f)$(_CLI_ZSH_AUTOCOMPLETE_HACK=1 ${words[@]:0:#words[@]-1} ${cur} --generate-bash-completion)}")
  else
    opts=("${(@f)$(_CLI_ZSH_AUTOCOMPLETE_HACK=1 ${words[@]:0:#words[@]-1} --generate-bash-completion)}")
  fi

  if [[ "${opts[1]}" != "" ]]; then
    _describe 'values' opts
  else
    _files
  fi

  return
}

compdef _cli_zsh_autocomplete sops
`

func (c *call) bashCommand() error {
	_, err := fmt.Fprint(c.Out, bashScript)
	return err
}

func (c *call) zshCommand() error {
	_, err := fmt.Fprint(c.Out, zshScript)
	return err
}

// complete prints what may follow: commands, or flags after a dash.
func (p *Program) complete(args []string) error {
	all, flags := commands(), topFlags()
	last := ""
	for _, arg := range args {
		if last = arg; strings.HasPrefix(arg, "-") {
			continue
		}
		cmd := named(all, arg)
		if cmd == nil {
			return nil
		}
		all, flags = cmd.sub, cmd.flags
	}
	if strings.HasPrefix(last, "-") {
		for _, f := range flags {
			name := f.split()[0]
			fmt.Fprintln(p.Out, strings.Repeat("-", min(len(name), 2))+name)
		}
		return nil
	}
	for _, cmd := range all {
		fmt.Fprintln(p.Out, cmd.name)
	}
	return nil
}
