package compat

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keyreeve/test/peers"
)

// A dice makes documents and command lines. Its texts hold no single quote, so
// that a shell takes them as they are.
type dice struct{ *rand.Rand }

func (d dice) pick(from ...string) string { return from[d.IntN(len(from))] }

func (d dice) scalar() string {
	return d.pick(`"s3cr3t"`, `"s3cr3t: x # y"`, `""`, `"ü s3cr3t"`, `"s3cr3t\nb\n"`, `"yes"`, `"12"`, "12", "-3", "1.5", "true", "false", "null", `" s3cr3t "`, "1e21")
}

func (d dice) json(depth int) string {
	var parts []string
	switch k := d.IntN(4); {
	case depth == 0 || k < 2:
		return d.scalar()
	case k == 2:
		for range d.IntN(4) {
			parts = append(parts, d.json(depth-1))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return d.object(depth)
}

func (d dice) object(depth int) string {
	var parts []string
	for _, i := range d.Perm(5)[:1+d.IntN(4)] {
		key := []string{"a", "b", "long key", "x_unencrypted", "é"}[i]
		parts = append(parts, fmt.Sprintf("%q: %s", key, d.json(depth-1)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (d dice) path() string {
	path := fmt.Sprintf("[%q]", d.pick("a", "b", "long key", "é"))
	for range d.IntN(2) {
		path += d.pick(`["a"]`, `["b"]`, `["new"]`)
	}
	return path
}

// step returns a command line on a file that exists.
func (d dice) step(file string) string {
	path := d.path()
	return d.pick(
		fmt.Sprintf("$S decrypt %s", file),
		fmt.Sprintf("$S decrypt --output-type %s %s", d.pick("yaml", "json"), file),
		fmt.Sprintf("$S decrypt --extract '[\"%s\"]' %s", d.pick("a", "b", "c"), file),
		fmt.Sprintf("$S set %s '[\"%s\"]' '%s'", file, d.pick("a", "b", "c"), d.scalar()),
		fmt.Sprintf("$S set %s '[\"new\"]' '%s'", file, d.object(2)),
		fmt.Sprintf("$S set --idempotent %s '[\"a\"]' '%s'", file, d.scalar()),
		fmt.Sprintf("$S unset --idempotent %s '[\"%s\"]'", file, d.pick("a", "b", "new")),
		fmt.Sprintf("test -n '%s' && $S rotate --in-place --%s-age %s %s", path, d.pick("add", "rm"), d.pick("$OTHER", "$THIRD"), file),
		fmt.Sprintf("EDITOR=\"sed -i s/s3cr3t/s3cr3t%d/\" $S edit %s", d.IntN(3), file),
		fmt.Sprintf("$S filestatus %s", file),
		fmt.Sprintf("SOPS_AGE_KEY_FILE=$OTHERKEY $S decrypt %s", file),
		fmt.Sprintf("$S decrypt -i %[1]s && $S encrypt --age $MINE,$OTHER --in-place %[1]s", file),
	)
}

func TestRandomSequences(t *testing.T) {
	b := newBench(t)
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			d := dice{rand.New(rand.NewPCG(seed, 1))}
			file := d.pick("doc.yaml", "doc.json")
			lines := []string{fmt.Sprintf("printf %%s '%s' > %s", d.object(3), file), "$S encrypt --age $MINE --in-place " + file}
			for range 6 {
				lines = append(lines, d.step(file)+"; echo code $?")
			}
			b.both(t, b.base, "", strings.Join(lines, "\n"), false)
			if t.Failed() {
				t.Log(strings.Join(lines, "\n"))
			}
		})
	}
}

// The program itself is sops where a link of that name leads to it.
func TestLink(t *testing.T) {
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "keyreeve"), "keyreeve/cmd/keyreeve")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	check(t, os.Symlink("keyreeve", filepath.Join(dir, "sops")))
	b := &bench{env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "SOPS_DISABLE_VERSION_CHECK=1"}}
	for _, line := range []string{"$S --version", "$S decrypt nothere.yaml", "$S completion zsh"} {
		ours, theirs := b.run(filepath.Join(dir, "sops"), dir, line), b.run(peers.Sops(t), dir, line)
		if ours.code != theirs.code || ours.stdout != theirs.stdout {
			t.Errorf("%s: %+v, sops has %+v", line, ours, theirs)
		}
	}
}
