package faults

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// namespaced runs a shell script with a mount namespace of its own, in which it
// may mount; SOURCE is the fleet and WORK an empty folder to mount over.
func (s sandbox) namespaced(t *testing.T, script string) string {
	t.Helper()
	cmd := exec.Command("unshare", "-rm", "sh", "-eu", "-c", script)
	cmd.Dir = s.dir
	cmd.Env = s.env("SOURCE="+s.fleet(), "WORK="+t.TempDir(), "KR="+program.path, "OUT="+s.dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	return out.String()
}

// On a full disk a command fails with everything as it was, and goes through
// once there is room.
func TestFullDisk(t *testing.T) {
	need(t, "unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt")
	s := newSandbox(t, "common", 50)
	for _, free := range []int{0, 1, 5, 20, 40} { // pages of 4 KiB
		out := s.namespaced(t, fmt.Sprintf(`
mount -t tmpfs -o size=4m none "$WORK"
cp -a "$SOURCE/." "$WORK"
cd "$WORK"
before=$(cat keyreeve.yaml .sops.yaml secrets/common/*.yaml | sha256sum)
dd if=/dev/zero of=filler bs=4k 2>/dev/null || true
size=$(stat -c %%s filler)
truncate -s $((size - %d * 4096)) filler
code=0
"$KR" host rm potato --yes -q 2>"$OUT/err" || code=$?
echo "code $code"
cat "$OUT/err"
[ "$code" = 1 ] || exit 9
rm filler
"$KR" verify -q
[ "$before" = "$(cat keyreeve.yaml .sops.yaml secrets/common/*.yaml | sha256sum)" ]
[ -z "$(find . -name '*.tmp')" ]
"$KR" host rm potato --yes -q
"$KR" rekey --check
! grep -q potato .sops.yaml
`, free))
		if !strings.Contains(out, "code 1\n") || !strings.Contains(out, "no space left on device") {
			t.Errorf("with %d pages free: %s", free, out)
		}
	}
}

// A read-only repository can be read, and a write says why it fails.
func TestReadOnlyRepository(t *testing.T) {
	need(t, "unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt")
	s := newSandbox(t, "common", 3)
	out := s.namespaced(t, `
mount --bind "$SOURCE" "$WORK"
mount -o remount,bind,ro "$WORK"
cd "$WORK"
"$KR" get common/d1#a
"$KR" verify -q
"$KR" ls >/dev/null
"$KR" access >/dev/null
"$KR" check --fail-on error -q
"$KR" status >/dev/null
for change in "set common/d1#a" "host rm potato --yes" "rekey --new-data-key"; do
	code=0
	echo x | "$KR" $change >/dev/null 2>"$OUT/err" || code=$?
	echo "code $code: $(cat "$OUT/err")"
done
`)
	if !strings.HasPrefix(out, "v") || strings.Count(out, "code 1: keyreeve: ") != 3 || strings.Count(out, "read-only file system") != 3 {
		t.Error(out)
	}
}
