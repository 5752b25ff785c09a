//go:build unix

package sops_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"keyreeve/sops"
	"keyreeve/test/peers"
)

// codecVariable makes the test binary act as a program that encrypts or decrypts
// its standard input, so that a whole process can be compared with sops.
const codecVariable = "KEYREEVE_TEST_CODEC"

func TestMain(m *testing.M) {
	if mode := os.Getenv(codecVariable); mode != "" {
		if err := runCodec(mode); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func runCodec(mode string) error {
	identity, err := age.ParseX25519Identity(os.Getenv("SOPS_AGE_KEY"))
	if err != nil {
		return err
	}
	p := &peer{identity: identity}
	data, err := os.ReadFile(os.Args[len(os.Args)-1])
	if err != nil {
		return err
	}
	var out []byte
	if mode == "decrypt" {
		out, err = decryptWith(p, data)
	} else {
		out, err = encryptWith(p, data)
	}
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(out)
	return err
}

// manyValues is a document as fleets have them, only longer.
func manyValues(n int) string {
	var b strings.Builder
	for i := range n {
		if i%10 == 0 {
			fmt.Fprintf(&b, "service%d:\n", i/10)
		}
		switch i % 10 {
		case 3:
			fmt.Fprintf(&b, "    port: %d\n", i)
		case 5:
			fmt.Fprintf(&b, "    url: https://user:pa%d@example.org/?q=%d\n", i, i)
		case 7:
			fmt.Fprintf(&b, "    cert: |\n        line one %d\n        line two\n", i)
		default:
			fmt.Fprintf(&b, "    key%d: secret value number %d\n", i%10, i)
		}
	}
	return b.String()
}

// cost is what the best of some runs of a process took.
type cost struct {
	elapsed time.Duration
	memory  int64 // peak resident bytes
}

func measure(b *testing.B, p *peer, program, file string, env []string, args ...string) (cost, []byte) {
	b.Helper()
	best := cost{elapsed: time.Hour}
	var out bytes.Buffer
	for range 5 {
		cmd := exec.Command(program, append(args, file)...)
		cmd.Env = append(env, "HOME="+p.dir, "SOPS_AGE_KEY="+p.identity.String(), "SOPS_AGE_RECIPIENTS="+p.recipient())
		out.Reset()
		cmd.Stdout, cmd.Stderr = &out, io.Discard
		start := time.Now()
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		took := time.Since(start)
		usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		memory := int64(usage.Maxrss)
		if runtime.GOOS != "darwin" {
			memory <<= 10
		}
		if took < best.elapsed {
			best = cost{took, memory}
		}
	}
	return best, bytes.Clone(out.Bytes())
}

// BenchmarkAgainstSops runs whole processes on the same documents and reports
// how many times faster and smaller ours is.
func BenchmarkAgainstSops(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{10, 1000, 20_000, 100_000} {
		identity, err := age.GenerateX25519Identity()
		if err != nil {
			b.Fatal(err)
		}
		p := &peer{dir: b.TempDir(), identity: identity}
		file := filepath.Join(p.dir, "a.yaml")
		for _, mode := range []string{"encrypt", "decrypt"} {
			b.Run(fmt.Sprintf("%s/%d", mode, n), func(b *testing.B) {
				if mode == "encrypt" {
					if err := os.WriteFile(file, []byte(manyValues(n)), 0o600); err != nil {
						b.Fatal(err)
					}
				}
				var ours, theirs cost
				var out []byte
				for b.Loop() {
					ours, _ = measure(b, p, self, file, []string{codecVariable + "=" + mode})
					theirs, out = measure(b, p, peers.Sops(b), file, nil, mode)
				}
				b.ReportMetric(float64(ours.elapsed.Microseconds())/1000, "ms-ours")
				b.ReportMetric(float64(theirs.elapsed.Microseconds())/1000, "ms-sops")
				b.ReportMetric(float64(theirs.elapsed)/float64(ours.elapsed), "times-faster")
				b.ReportMetric(float64(ours.memory)/(1<<20), "MB-ours")
				b.ReportMetric(float64(theirs.memory)/(1<<20), "MB-sops")
				b.ReportMetric(float64(ours.memory)/float64(theirs.memory), "memory-ratio")
				if mode == "encrypt" {
					if err := os.WriteFile(file, out, 0o600); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkCheckParse is the part of a keyless check that reads one small
// document.
func BenchmarkCheckParse(b *testing.B) {
	encrypted, err := os.ReadFile(filepath.Join(goldenDir, "all.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := sops.Parse(encrypted, sops.YAML); err != nil {
			b.Fatal(err)
		}
	}
}
