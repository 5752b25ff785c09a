package keys

import (
	"os"
	"slices"
	"strings"
	"sync"
)

// The environment variables that sops reads, see [Discover].
const (
	envSSHFile   = "SOPS_AGE_SSH_PRIVATE_KEY_FILE"
	envSSHCmd    = "SOPS_AGE_SSH_PRIVATE_KEY_CMD"
	envKey       = "SOPS_AGE_KEY"
	envKeyFile   = "SOPS_AGE_KEY_FILE"
	envKeyCmd    = "SOPS_AGE_KEY_CMD"
	envRecipient = "SOPS_AGE_RECIPIENT"
)

// identityVariables hold a private key, the command that prints one, or what
// opens the vault that keeps one. A path is no secret, and a command may need it.
var identityVariables = []string{envKey, envKeyCmd, envSSHCmd,
	"BW_SESSION", "BW_PASSWORD", "BW_CLIENTID", "BW_CLIENTSECRET"}

// ChildEnv returns environ, in the form of [os.Environ], without the variables
// that hold identities or print them: no program that is started needs them.
func ChildEnv(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(identityVariables, name)
	})
}

// hidden counts the plugins that are running. The plugin package of age passes
// the process's environment on as it is, so while one runs the variables are
// out of it; [Discover] looks here first.
var hidden struct {
	sync.Mutex
	running int
	values  map[string]string
}

// hideIdentities takes identity variables out of the process's environment
// until the function that it returns is called, and with them AGEDEBUG, which
// would print file keys. Calls may overlap.
func hideIdentities() (restore func()) {
	hidden.Lock()
	defer hidden.Unlock()
	if hidden.running++; hidden.running == 1 {
		hidden.values = make(map[string]string)
		for _, name := range append([]string{"AGEDEBUG"}, identityVariables...) {
			if value, ok := os.LookupEnv(name); ok {
				hidden.values[name] = value
				_ = os.Unsetenv(name)
			}
		}
	}
	return sync.OnceFunc(func() {
		hidden.Lock()
		defer hidden.Unlock()
		if hidden.running--; hidden.running == 0 {
			for name, value := range hidden.values {
				_ = os.Setenv(name, value)
			}
			hidden.values = nil
		}
	})
}

// getenv is [os.Getenv] that also sees what hideIdentities took away.
func getenv(name string) string {
	hidden.Lock()
	defer hidden.Unlock()
	if value, ok := hidden.values[name]; ok {
		return value
	}
	return os.Getenv(name)
}
