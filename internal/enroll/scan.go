package enroll

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"keyreeve/keys"
)

// An UnreachableError reports a machine that showed no host key.
type UnreachableError struct {
	Address string
	Reason  string
}

func (e *UnreachableError) Error() string {
	return "no SSH host key from " + e.Address + ": " + e.Reason
}

// A FingerprintError reports a key other than the expected one.
type FingerprintError struct{ Address, Want, Got string }

func (e *FingerprintError) Error() string {
	return fmt.Sprintf("%s shows another key than expected: %s, not %s", e.Address, e.Got, e.Want)
}

// hostName keeps options, lists and patterns away from ssh-keyscan.
var hostName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`) })

// Scan asks a machine for its host keys with ssh-keyscan(1), for as long as
// timeout. Whoever answers at the address is believed: compare the fingerprint.
// The errors are *[KeyError] for a malformed address and *[UnreachableError].
func Scan(ctx context.Context, address string, timeout time.Duration) ([]HostKey, error) {
	host, port, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	seconds := strconv.Itoa(max(int(timeout/time.Second)/2, 1))
	cmd := exec.CommandContext(ctx, "ssh-keyscan", "-T", seconds, "-t", "ed25519,rsa", "-p", port, "--", host)
	cmd.Env = keys.ChildEnv(os.Environ())
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, &UnreachableError{address, "ssh-keyscan is not installed; it comes with OpenSSH"}
	}
	if ctx.Err() != nil {
		return nil, &UnreachableError{address, fmt.Sprintf("no answer in %s", timeout)}
	}
	if len(bytes.TrimSpace(out)) == 0 {
		return nil, &UnreachableError{address, reason(said.String())}
	}
	return ParseHostKeys(out)
}

// reason finds the line of ssh-keyscan's output that says what went wrong.
func reason(said string) string {
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return strconv.QuoteToGraphic(line)
		}
	}
	return "nothing answers there"
}

func splitAddress(address string) (host, port string, err error) {
	host, port = address, "22"
	if strings.HasPrefix(address, "[") || strings.Count(address, ":") == 1 {
		h, p, err := net.SplitHostPort(address)
		if err != nil {
			return "", "", &KeyError{fmt.Sprintf("%q is no ADDRESS or ADDRESS:PORT", address), "such as 192.0.2.7, potato.lan:2222 or [2001:db8::7]:22"}
		}
		host, port = h, p
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 || net.ParseIP(host) == nil && !hostName().MatchString(host) {
		return "", "", &KeyError{fmt.Sprintf("%q is no ADDRESS or ADDRESS:PORT", address), "such as 192.0.2.7, potato.lan:2222 or [2001:db8::7]:22"}
	}
	return host, port, nil
}
