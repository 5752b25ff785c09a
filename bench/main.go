// Command bench compares keyreeve with sops and age, whole processes side by
// side, and writes what it measured into a Markdown file between two marker
// comments. See docs/performance.md for the method; `make bench` runs it.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"keyreeve/keys"
	"keyreeve/test/peers"
)

// A bench is one run of all measurements.
type bench struct {
	program, floor, sops, age string
	memory                    string // a folder on a file system in memory
	disk                      string // a folder for what is to reach a disk
	env                       []string
	identity                  *keys.Identity
	keyFile                   string
}

func main() {
	program := flag.String("program", "bin/keyreeve", "the `binary` to measure")
	into := flag.String("into", "", "write the tables into this Markdown `FILE` as well")
	disk := flag.String("disk", "bin", "a `folder` on the disk on which to measure synced writes")
	flag.Parse()
	report, err := measure(*program, *disk)
	if err == nil && *into != "" {
		err = splice(*into, report)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	fmt.Print(report)
}

func measure(program, disk string) (string, error) {
	b, err := newBench(program, disk)
	if b != nil {
		defer os.RemoveAll(b.memory)
		defer os.RemoveAll(b.disk)
	}
	if err != nil {
		return "", err
	}
	facts := machine()
	against, err := b.againstPeers()
	if err != nil {
		return "", err
	}
	growth, err := b.growth()
	if err != nil {
		return "", err
	}
	return facts + "\n" + against + "\n" + growth, nil
}

func newBench(program, disk string) (*bench, error) {
	b := &bench{}
	var err error
	if b.program, err = filepath.Abs(program); err != nil {
		return nil, err
	}
	if b.sops, err = peers.SopsPath(); err != nil {
		return nil, err
	}
	if b.age, err = peers.AgePath(); err != nil {
		return nil, err
	}
	if b.memory, err = os.MkdirTemp("/dev/shm", "keyreeve-bench-"); err != nil {
		return nil, err
	}
	if b.disk, err = os.MkdirTemp(disk, ".keyreeve-bench-"); err != nil {
		return b, err
	}
	if b.disk, err = filepath.Abs(b.disk); err != nil {
		return b, err
	}
	if b.identity, err = keys.New(false); err != nil {
		return b, err
	}
	b.keyFile = filepath.Join(b.memory, "home", ".config", "sops", "age", "keys.txt")
	if err := os.MkdirAll(filepath.Dir(b.keyFile), 0o700); err != nil {
		return b, err
	}
	if err := b.identity.Save(b.keyFile, keys.SaveOptions{}); err != nil {
		return b, err
	}
	b.env = []string{"HOME=" + filepath.Join(b.memory, "home"), "PATH=" + os.Getenv("PATH"),
		"SOPS_AGE_RECIPIENTS=" + b.identity.Recipient()}
	b.floor = filepath.Join(b.memory, "floor")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.floor, "keyreeve/bench/floor")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return b, fmt.Errorf("building the floor: %w\n%s", err, out)
	}
	return b, nil
}

// keyreeve runs one command that is not measured.
func (b *bench) keyreeve(dir string, args ...string) error {
	_, err := b.once(process(dir, append([]string{b.program}, args...)...))
	return err
}

func machine() string {
	load, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("Measured on %d cores (%s/%s), load average %s at the start, with %s, sops %s and age %s.\n",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, first, runtime.Version(), peers.SopsVersion, peers.AgeVersion)
}

const (
	beginMarker = "<!-- bench: begin; written by make bench -->\n"
	endMarker   = "<!-- bench: end -->\n"
)

// splice puts the report between the markers of a file.
func splice(file, report string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(data), beginMarker)
	_, after, ended := strings.Cut(rest, endMarker)
	if !ok || !ended {
		return fmt.Errorf("%s has no marker comments", file)
	}
	return os.WriteFile(file, []byte(before+beginMarker+"\n"+report+"\n"+endMarker+after), 0o644)
}
