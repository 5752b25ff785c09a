package keys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Options say where [Discover] looks and how it may ask. The zero value looks
// at the process's environment and home, and asks nobody.
type Options struct {
	// Getenv reads the environment; nil is the process's.
	Getenv func(string) string
	// Home is the home directory; "" is the user's own.
	Home string
	// Root adds the system's keys: /etc/sops/age.key and the SSH host keys.
	Root bool
	// SystemRoot is where /etc lies; "" is /. An installer says /mnt.
	SystemRoot string
	// Prompt asks for a passphrase; nil: what needs one stays locked.
	Prompt PromptFunc
	// Timeout bounds the silence of a plugin or a command; 0 is
	// [DefaultTimeout].
	Timeout time.Duration
	// Stderr gets what plugins and commands say; nil drops it.
	Stderr io.Writer
}

// Discover finds the identities that sops would find, in its order:
//
//  1. the SSH key in the file SOPS_AGE_SSH_PRIVATE_KEY_FILE
//  2. the SSH key that the command SOPS_AGE_SSH_PRIVATE_KEY_CMD prints
//  3. ~/.ssh/id_ed25519 and ~/.ssh/id_rsa
//  4. the identities in SOPS_AGE_KEY
//  5. those in the file SOPS_AGE_KEY_FILE
//  6. those that the command SOPS_AGE_KEY_CMD prints
//  7. sops/age/keys.txt in the user's configuration directory
//
// and, beyond sops, with Root: /etc/sops/age.key,
// /etc/ssh/ssh_host_ed25519_key and /etc/ssh/ssh_host_rsa_key. An SSH ed25519
// key is tried as itself and, beyond sops, as the age key that it converts to.
//
// All sources count. One that is broken becomes a [Problem] and matters only if
// nothing else decrypts. Commands and passphrases wait until then; commands
// get SOPS_AGE_RECIPIENT and no identity from the environment.
func Discover(opts Options) *Ring {
	d := newDiscovery(opts)
	d.sshKeys()
	d.ageKeys()
	if opts.Root {
		d.system()
	}
	return d.ring
}

type discovery struct {
	opts   Options
	home   string
	parser parser
	ring   *Ring
}

func newDiscovery(opts Options) *discovery {
	if opts.Getenv == nil {
		opts.Getenv = getenv
	}
	if opts.Timeout <= 0 {
		opts.Timeout = DefaultTimeout
	}
	d := &discovery{opts: opts, home: opts.Home, ring: new(Ring),
		parser: parser{ui: pluginUI{prompt: opts.Prompt, timeout: opts.Timeout, stderr: opts.Stderr}}}
	if d.home == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			d.ring.note(Source{Name: "home directory"}, err)
		}
		d.home = home
	}
	return d
}

func (d *discovery) sshKeys() {
	if path := d.opts.Getenv(envSSHFile); path != "" {
		d.sshFile(Source{Name: envSSHFile, Path: path}, false)
	} else {
		d.miss(envSSHFile)
	}
	d.command(envSSHCmd, func(output []byte, source Source) ([]*Identity, error) {
		ids, err := sshIdentities(output, source)
		if err != nil && inspectSSH(output, nil).locked {
			return nil, errors.New("the SSH key that the command prints has a passphrase; print it without one")
		}
		return ids, err
	})
	if d.home != "" {
		d.sshFile(Source{Path: filepath.Join(d.home, ".ssh", "id_ed25519")}, true)
		d.sshFile(Source{Path: filepath.Join(d.home, ".ssh", "id_rsa")}, true)
	}
}

func (d *discovery) ageKeys() {
	if text := d.opts.Getenv(envKey); text != "" {
		d.ageText([]byte(text), Source{Name: envKey}, true)
	} else {
		d.miss(envKey)
	}
	if path := d.opts.Getenv(envKeyFile); path != "" {
		d.ageFile(Source{Name: envKeyFile, Path: path}, false)
	} else {
		d.miss(envKeyFile)
	}
	d.command(envKeyCmd, func(output []byte, source Source) ([]*Identity, error) {
		if isAgeFile(output) {
			return d.parser.openAgeFile(output, source, d.opts.Prompt)
		}
		return d.parser.parseLines(output, source, false)
	})
	dir, err := configDir(d.opts.Getenv, d.home)
	if err != nil {
		d.ring.note(Source{Name: "configuration directory"}, err)
		return
	}
	if dir != "" {
		d.ageFile(Source{Path: filepath.Join(dir, "sops", "age", "keys.txt")}, true)
	}
}

func (d *discovery) system() {
	etc := filepath.Join("/", d.opts.SystemRoot, "etc")
	d.ageFile(Source{Path: filepath.Join(etc, "sops", "age.key")}, true)
	d.sshFile(Source{Path: filepath.Join(etc, "ssh", "ssh_host_ed25519_key")}, true)
	d.sshFile(Source{Path: filepath.Join(etc, "ssh", "ssh_host_rsa_key")}, true)
}

// UserKeyFile returns where sops and keyreeve look for the user's identities
// first: sops/age/keys.txt in the configuration directory.
func UserKeyFile(opts Options) (string, error) {
	d := newDiscovery(opts)
	dir, err := configDir(d.opts.Getenv, d.home)
	if err != nil {
		return "", err
	}
	if dir == "" {
		return "", errors.New("there is no home directory")
	}
	return filepath.Join(dir, "sops", "age", "keys.txt"), nil
}

// configDir is [os.UserConfigDir] for an environment and a home, but for macOS,
// where XDG_CONFIG_HOME comes first as in sops.
func configDir(getenv func(string) string, home string) (string, error) {
	if runtime.GOOS == "windows" {
		return getenv("AppData"), nil
	}
	if dir := getenv("XDG_CONFIG_HOME"); dir != "" {
		if !filepath.IsAbs(dir) && runtime.GOOS != "darwin" {
			return "", fmt.Errorf("path in $XDG_CONFIG_HOME is relative: %q", dir)
		}
		return dir, nil
	}
	if home == "" {
		return "", nil
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support"), nil
	}
	return filepath.Join(home, ".config"), nil
}

func (d *discovery) miss(place string) { d.ring.missing = append(d.ring.missing, place) }

// read returns a file's bytes, nil if there is nothing to go on with.
func (d *discovery) read(source Source, optional bool) []byte {
	f, err := os.Open(source.Path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		d.miss(source.Path)
		return nil
	}
	var data []byte
	if err == nil {
		defer f.Close()
		data, err = io.ReadAll(io.LimitReader(f, maxIdentityFile+1))
	}
	if err != nil {
		// The source names the path already.
		if pathErr := new(fs.PathError); errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		d.ring.note(source, err)
		return nil
	}
	if len(data) == 0 {
		d.miss(source.String())
	}
	return data
}

func (d *discovery) ageFile(source Source, optional bool) {
	if data := d.read(source, optional); len(data) > 0 {
		d.ageText(data, source, false)
	}
}

func (d *discovery) ageText(data []byte, source Source, words bool) {
	if isAgeFile(data) {
		d.ring.lock(&lockedSource{source: source, needs: needsPassphrase, open: func(string) ([]*Identity, error) {
			return d.parser.openAgeFile(data, source, d.opts.Prompt)
		}})
		return
	}
	ids, err := d.parser.parseLines(data, source, words)
	if err != nil {
		d.ring.note(source, err)
	} else if len(ids) == 0 {
		d.miss(source.String())
	}
	d.ring.Add(ids...)
}

func (d *discovery) sshFile(source Source, optional bool) {
	data := d.read(source, optional)
	if len(data) == 0 {
		return
	}
	key := inspectSSH(data, func() ([]byte, error) { return os.ReadFile(source.Path + ".pub") })
	if key.locked {
		locked := &lockedSource{source: source, needs: needsPassphrase, recipients: key.recipients(),
			open: func(string) ([]*Identity, error) { return key.open(data, source, d.opts.Prompt) }}
		if key.public != nil {
			locked.sshTag = sshTag(key.public.Marshal())
		}
		d.ring.lock(locked)
		return
	}
	ids, err := sshIdentities(data, source)
	if err != nil {
		d.ring.note(source, err)
	}
	d.ring.Add(ids...)
}

// command adds the command in a variable, if it is set.
func (d *discovery) command(variable string, parse func([]byte, Source) ([]*Identity, error)) {
	line := d.opts.Getenv(variable)
	if line == "" {
		d.miss(variable)
		return
	}
	source := Source{Name: variable}
	d.ring.lock(&lockedSource{source: source, needs: needsCommand, perRecipient: true, open: func(recipient string) ([]*Identity, error) {
		output, err := runCommand(line, recipient, d.opts.Timeout, d.opts.Stderr)
		if err != nil {
			return nil, err
		}
		return parse(output, source)
	}})
}
