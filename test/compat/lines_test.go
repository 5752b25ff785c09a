package compat

import (
	"strings"
	"testing"
)

// plainFiles are what every case finds in its folder.
var plainFiles = map[string]string{
	"plain.yaml":   "# head\na: s3cr3t-a\nb:\n    c: s3cr3t-c # inline\n    d: [s3cr3t-0, s3cr3t-1]\nn: 5\nf: 1.5\nt: true\nz: null\ne: \"\"\nx_unencrypted: open\nm: |\n    s3cr3t one\n    two\n",
	"plain.json":   `{"a": "s3cr3t-a", "b": {"c": "s3cr3t-c", "d": ["s3cr3t-0", 2, null, true]}, "n": 5, "f": 1.5, "big": 9223372036854775807, "a": "s3cr3t-again"}`,
	"plain.env":    "# note\nA=s3cr3t-a\nB=s3cr3t b=c\nM=one\\ntwo\n",
	"plain.ini":    "top = s3cr3t\n\n[one]\n; note\na = s3cr3t-a\nb = s3cr3t b\n",
	"plain.bin":    "s3cr3t\x00\x01 bytes\n",
	"multi.yaml":   "a: s3cr3t-1\nm: {k: s3cr3t}\n---\nb: s3cr3t-2\n",
	"flat.yaml":    "A: s3cr3t-a\nN: 5\nF: 1.0\nT: true\nZ: null\nE: \"\"\nBIG: 1e21\nD: 2001-12-14\n",
	"empty.yaml":   "",
	"comment.yaml": "# only\n",
	"broken.yaml":  "a: [s3cr3t\n",
	"scalar.yaml":  "s3cr3t\n",
	"intkey.yaml":  "1: s3cr3t\n",
	"huge.yaml":    "a: 9223372036854775808\n",
	"broken.json":  "{\"a\": s3cr3t",
	"list.json":    "[1]",
	"value.json":   `{"p": "s3cr3t", "n": 7}`,
	"repo/.sops.yaml": `stores:
    yaml: {indent: 2}
    json: {indent: 3}
creation_rules:
    - path_regex: ^sub/two
      shamir_threshold: 2
      key_groups:
        - age: [$MINE]
        - age: [$OTHER, $MINE]
    - path_regex: \.part\.yaml$
      encrypted_regex: ^(a|d)$
      mac_only_encrypted: true
      age: $MINE
    - path_regex: both\.yaml$
      encrypted_regex: a
      unencrypted_suffix: b
      age: $MINE
    - path_regex: comm\.yaml$
      encrypted_comment_regex: head
      age: $MINE
    - path_regex: bad\.yaml$
      age: age1nothing
    - path_regex: pgp\.yaml$
      pgp: 85D77543B3D624B63CEA9E6DBC17301B491B3F21
    - path_regex: ^sub/
      age: $MINE,$OTHER
    - path_regex: '^up\.yaml$'
      age: $MINE,$THIRD
    - path_regex: '['
      age: $MINE
`,
	"repo/plain.yaml":     "a: s3cr3t-a\nb:\n    d: s3cr3t-d\n",
	"repo/sub/plain.yaml": "a: s3cr3t-a\n# head\nb:\n    d: s3cr3t-d\n",
	"repo/x.part.yaml":    "a: s3cr3t-a\nb: open\n",
	"repo/both.yaml":      "a: s3cr3t-a\n",
	"repo/comm.yaml":      "# head\na: s3cr3t-a\nb: open\n",
	"repo/bad.yaml":       "a: s3cr3t-a\n",
	"repo/sub/two.yaml":   "a: s3cr3t-a\n",
	"bad.sops.yaml":       "creation_rules: [\n",
	"none.sops.yaml":      "stores: {}\n",
	"norules.sops.yaml":   "creation_rules: []\n",
}

// fixtures are encrypted by the real sops.
const fixtures = `set -e
for e in yaml json env ini; do $S encrypt --age $MINE plain.$e > enc.$e; done
$S encrypt --age $MINE plain.bin > enc.bin
$S encrypt --age $MINE multi.yaml > encmulti.yaml
$S encrypt --age $MINE flat.yaml > encflat.yaml
$S encrypt --age $OTHER plain.yaml > encother.yaml
$S encrypt --age $MINE,$OTHER plain.yaml > encboth.yaml
$S encrypt --age $MINE --encrypted-regex '^a$' plain.yaml > encpart.yaml
cp enc.yaml link-target.yaml; ln -s link-target.yaml link.yaml
sed 's/x_unencrypted: open/x_unencrypted: shut/' enc.yaml > mac.yaml
sed 's/^a: ENC\[AES256_GCM,data:./a: ENC[AES256_GCM,data:=/' enc.yaml > cipher.yaml
sed '/    mac: /d' enc.yaml > nomac.yaml
sed '/    version: /d' enc.yaml > noversion.yaml
sed 's/    version: .*/    version: 3.9.0/' enc.yaml > old.yaml
sed 's/    version: .*/    version: 3.99.0/' enc.yaml > new.yaml
cd repo
$S encrypt sub/two.yaml > sub/two.enc.yaml
$S --config ../none.sops.yaml encrypt --age $MINE plain.yaml > up.yaml
$S --config ../none.sops.yaml encrypt --age $OTHER,$MINE plain.yaml > sub/order.yaml
cp up.yaml sub/more.yaml
`

// Lines for the folder itself, for its repo/, which has a .sops.yaml, and lines
// whose stdout is help or names a path by chance.
var lines = map[string]string{
	"": `
$S decrypt enc.yaml
$S decrypt enc.json
$S decrypt enc.env
$S decrypt enc.ini
$S decrypt enc.bin
$S decrypt encmulti.yaml
$S decrypt encpart.yaml
$S -d enc.yaml
$S --decrypt enc.json
$S decrypt --output-type json enc.yaml
$S decrypt --output-type yaml enc.json
$S decrypt --output-type yaml enc.env
$S decrypt --output-type json enc.ini
$S decrypt --output-type dotenv encflat.yaml
$S decrypt --output-type dotenv enc.yaml
$S decrypt --output-type ini encflat.yaml
$S decrypt --output-type json encmulti.yaml
$S decrypt --output-type binary enc.yaml
$S decrypt --output-type yaml enc.bin
$S decrypt --output-type nonsense enc.yaml
$S --indent 2 decrypt enc.yaml
$S --indent 2 decrypt enc.json
$S --indent 0 decrypt enc.json
$S --indent=-1 decrypt enc.yaml
$S decrypt < enc.yaml
$S decrypt --input-type yaml < enc.yaml
$S decrypt --input-type yaml --output-type yaml < enc.yaml
$S decrypt --filename-override x.yaml < enc.yaml
$S decrypt < enc.bin
$S decrypt -i < enc.yaml
$S decrypt -i enc.yaml
$S decrypt -i enc.json
$S decrypt -i enc.bin
$S decrypt enc.yaml -i
$S -d -i enc.yaml
$S -i -d enc.yaml
$S -d enc.yaml -i
$S decrypt --in-place --output o enc.yaml
$S decrypt --output out.yaml enc.yaml
$S decrypt enc.yaml --output out.yaml
$S decrypt -i --output out.yaml enc.yaml
$S decrypt --output no/out.yaml enc.yaml
$S decrypt --output /dev/stdout enc.yaml
$S -d --output out.yaml enc.yaml
$S decrypt --extract '["a"]' enc.yaml
$S decrypt --extract '["b"]' enc.yaml
$S decrypt --extract '["b"]["d"]' enc.yaml
$S decrypt --extract '["b"]["d"][1]' enc.yaml
$S decrypt --extract "['b']['c']" enc.yaml
$S decrypt --extract '["n"]' enc.yaml
$S decrypt --extract '["f"]' enc.yaml
$S decrypt --extract '["t"]' enc.yaml
$S decrypt --extract '["z"]' enc.yaml
$S decrypt --extract '["e"]' enc.yaml
$S decrypt --extract '["m"]' enc.yaml
$S decrypt --extract '["x_unencrypted"]' enc.yaml
$S decrypt --extract '["nope"]' enc.yaml
$S decrypt --extract '["b"]["d"][9]' enc.yaml
$S decrypt --extract '["a"][0]' enc.yaml
$S decrypt --extract '["a' enc.yaml
$S decrypt --extract 'a]' enc.yaml
$S decrypt --extract '[x]' enc.yaml
$S decrypt --extract '' enc.yaml
$S decrypt enc.yaml --extract '["a"]'
$S -d enc.yaml --extract '["a"]'
$S -d --extract '["a"]' enc.yaml
$S decrypt --extract '["b"]' enc.json
$S decrypt --extract '["b"]["d"]' enc.json
$S decrypt --extract '["n"]' enc.json
$S decrypt --extract '["a"]' enc.json
$S decrypt --extract '["big"]' enc.json
$S decrypt --extract '["b"]["d"][2]' enc.json
$S decrypt --extract '["A"]' enc.env
$S decrypt --extract '["M"]' enc.env
$S decrypt --extract '["one"]' enc.ini
$S decrypt --extract '["one"]["b"]' enc.ini
$S decrypt --extract '["DEFAULT"]["top"]' enc.ini
$S decrypt --extract '["m"]' encmulti.yaml
$S decrypt --extract '["b"]' encmulti.yaml
$S decrypt --output-type json --extract '["b"]' enc.yaml
$S decrypt --output-type json --extract '["n"]' enc.yaml
$S decrypt --output-type dotenv --extract '["n"]' enc.yaml
$S decrypt --output-type ini --extract '["n"]' enc.yaml
$S decrypt -i --extract '["b"]' enc.yaml
$S decrypt mac.yaml
$S decrypt --ignore-mac mac.yaml
$S decrypt cipher.yaml
$S decrypt --ignore-mac cipher.yaml
$S decrypt nomac.yaml
$S decrypt --ignore-mac nomac.yaml
$S decrypt noversion.yaml
$S decrypt old.yaml
$S decrypt new.yaml
$S decrypt encother.yaml
$S decrypt encboth.yaml
$S decrypt plain.yaml
$S decrypt broken.yaml
$S decrypt empty.yaml
$S decrypt nothere.yaml
$S decrypt repo
$S decrypt link.yaml
$S decrypt -i link.yaml
$S decrypt enc.yaml enc.json
$S decrypt --decryption-order age,pgp enc.yaml
$S decrypt --decryption-order age,age enc.yaml
$S -d nothere.yaml
$S -d encother.yaml
SOPS_AGE_KEY_FILE= $S decrypt enc.yaml
SOPS_AGE_KEY_FILE=/nothere $S decrypt enc.yaml
SOPS_AGE_KEY_FILE=$OTHERKEY $S decrypt encother.yaml
SOPS_AGE_KEY="$(cat $OTHERKEY)" $S decrypt encother.yaml
SOPS_AGE_KEY_CMD="cat $OTHERKEY" $S decrypt encother.yaml
SOPS_DECRYPTION_ORDER=age,age $S decrypt enc.yaml
$S encrypt --age $MINE plain.yaml
$S encrypt -a $MINE plain.yaml
$S encrypt --age $MINE plain.json
$S encrypt --age $MINE plain.env
$S encrypt --age $MINE plain.ini
$S encrypt --age $MINE plain.bin
$S encrypt --age $MINE multi.yaml
$S encrypt --age $MINE,$OTHER plain.yaml
$S encrypt --age "$MINE, $OTHER" plain.yaml
$S encrypt --age $MINE, plain.yaml
$S encrypt --age $MINE,$MINE plain.yaml
$S encrypt --age age1nothing plain.yaml
$S encrypt --age '' plain.yaml
$S encrypt plain.yaml
SOPS_AGE_RECIPIENTS=$MINE $S encrypt plain.yaml
SOPS_AGE_RECIPIENTS=$MINE $S -e plain.yaml
$S encrypt plain.yaml --age $MINE
$S encrypt --age $MINE -i plain.yaml
$S encrypt -i --age $MINE plain.yaml
$S encrypt --age $MINE --in-place plain.json
$S encrypt --age $MINE --output out.yaml plain.yaml
$S encrypt --age $MINE --output out.yaml -i plain.yaml
$S -e --age $MINE plain.yaml
$S -e -i --age $MINE plain.yaml
$S --encrypt --age $MINE --in-place plain.yaml
$S -e plain.yaml --age $MINE
$S encrypt --age $MINE --encrypted-regex '^a$' plain.yaml
$S encrypt --age $MINE --unencrypted-regex '^b$' plain.yaml
$S encrypt --age $MINE --encrypted-suffix c plain.yaml
$S encrypt --age $MINE --unencrypted-suffix c plain.yaml
$S encrypt --age $MINE --encrypted-regex a --unencrypted-regex b plain.yaml
$S encrypt --age $MINE --encrypted-regex '^a$' plain.bin
$S --mac-only-encrypted encrypt --age $MINE --encrypted-regex '^a$' plain.yaml
$S -e --age $MINE --encrypted-regex '^a$' plain.yaml
$S -e --age $MINE --encrypted-comment-regex head plain.yaml
$S -e --age $MINE --unencrypted-comment-regex head plain.yaml
$S --indent 2 encrypt --age $MINE plain.yaml
$S --indent 2 encrypt --age $MINE plain.json
$S --indent 2 encrypt --age $MINE plain.bin
$S encrypt --age $MINE --output-type json plain.yaml
$S encrypt --age $MINE --output-type yaml plain.json
$S encrypt --age $MINE --output-type yaml plain.env
$S encrypt --age $MINE --output-type json plain.ini
$S encrypt --age $MINE --output-type dotenv plain.yaml
$S encrypt --age $MINE --input-type binary plain.yaml
$S encrypt --age $MINE --filename-override x.json plain.json
$S encrypt --age $MINE --filename-override x.yaml < plain.yaml
$S encrypt --age $MINE --filename-override x.env < plain.env
$S encrypt --age $MINE < plain.yaml
$S encrypt --age $MINE --filename-override x.yaml -i < plain.yaml
$S encrypt --age $MINE enc.yaml
$S encrypt --age $MINE enc.env
$S encrypt --age $MINE enc.json
$S encrypt --age $MINE empty.yaml
$S encrypt --age $MINE comment.yaml
$S encrypt --age $MINE broken.yaml
$S encrypt --age $MINE broken.json
$S encrypt --age $MINE list.json
$S encrypt --age $MINE scalar.yaml
$S encrypt --age $MINE intkey.yaml
$S encrypt --age $MINE huge.yaml
$S encrypt --age $MINE nothere.yaml
$S encrypt --age $MINE repo
$S -e --age $MINE nothere.yaml
$S --config none.sops.yaml encrypt plain.yaml
$S --config none.sops.yaml encrypt --age $MINE plain.yaml
$S --config norules.sops.yaml encrypt --age $MINE plain.yaml
$S --config nothere.yaml encrypt --age $MINE plain.yaml
$S --config bad.sops.yaml encrypt --age $MINE plain.yaml
$S --config bad.sops.yaml decrypt enc.yaml
SOPS_CONFIG=bad.sops.yaml $S decrypt enc.yaml
SOPS_CONFIG=repo/.sops.yaml $S encrypt repo/x.part.yaml
$S set enc.yaml '["a"]' '"new s3cr3t"'
$S set enc.yaml '["b"]["c"]' '5'
$S set enc.yaml '["b"]["d"][0]' 'true'
$S set enc.yaml '["b"]["d"][7]' '"s3cr3t more"'
$S set enc.yaml '["new"]["deep"]' 'null'
$S set enc.yaml '["new"]' '{"k": 5, "l": [1, "s3cr3t", 2.5], "m": {"n": false}}'
$S set enc.yaml '["new"]' '{}'
$S set enc.yaml '["a"]["b"]' '"s3cr3t"'
$S set enc.yaml '["new"][0]["k"]' '"s3cr3t"'
$S set enc.yaml '["a"]' '["s3cr3t"]'
$S set enc.yaml '["a"]' s3cr3t
$S set enc.yaml 'a' '"s3cr3t"'
$S set enc.yaml '["sops"]' '"s3cr3t"'
$S set enc.yaml '["a"]'
$S set enc.yaml
$S set nothere.yaml '["a"]' '"s3cr3t"'
$S set plain.yaml '["a"]' '"s3cr3t"'
$S set encother.yaml '["a"]' '"s3cr3t"'
$S set mac.yaml '["a"]' '"s3cr3t"'
$S set --ignore-mac mac.yaml '["a"]' '"s3cr3t"'
$S set --idempotent enc.yaml '["a"]' '"s3cr3t-a"'
$S set --idempotent enc.yaml '["n"]' '5'
$S set --idempotent enc.yaml '["a"]' '"s3cr3t-b"'
$S set enc.yaml '["a"]' '"s3cr3t-a"'
$S set --value-file enc.yaml '["b"]' value.json
$S set --value-file enc.yaml '["b"]' nothere
$S set --value-stdin enc.yaml '["b"]' < value.json
$S set --value-stdin enc.yaml '["b"]' x < value.json
$S set --value-stdin --value-file enc.yaml '["b"]' < value.json
$S set enc.yaml '["b"]' '"x"' --idempotent
$S set enc.json '["a"]' '"s3cr3t <&>"'
$S set enc.json '["b"]["d"][1]' '1e3'
$S set enc.env '["A"]' '"s3cr3t one\ntwo"'
$S set enc.env '["A"]' '{"k": 1}'
$S set enc.env '["NEW"]' '"s3cr3t"'
$S set enc.ini '["one"]["a"]' '"s3cr3t"'
$S set enc.ini '["two"]["c"]' '"s3cr3t"'
$S set enc.ini '["flat"]' '"s3cr3t"'
$S set encmulti.yaml '["a"]' '"s3cr3t"'
$S set old.yaml '["a"]' '"s3cr3t"'
$S set new.yaml '["a"]' '"s3cr3t"'
$S set link.yaml '["a"]' '"s3cr3t"'
$S set encpart.yaml '["t"]' '"open"'
$S unset enc.yaml '["a"]'
$S unset enc.yaml '["b"]["d"][0]'
$S unset enc.yaml '["b"]'
$S unset enc.yaml '["nope"]'
$S unset --idempotent enc.yaml '["nope"]'
$S unset enc.yaml '["b"]["d"][9]'
$S unset --idempotent enc.yaml '["b"]["d"][9]'
$S unset enc.yaml 'a'
$S unset enc.yaml
$S unset nothere.yaml '["a"]'
$S unset enc.yaml '["a"]["b"]'
$S unset enc.json '["b"]["c"]'
$S unset enc.env '["B"]'
$S unset enc.ini '["one"]["a"]'
$S rotate enc.yaml
$S rotate -i enc.yaml
$S rotate enc.yaml -i
$S rotate enc.json
$S rotate enc.env
$S rotate enc.ini
$S rotate -i enc.bin
$S rotate encmulti.yaml
$S rotate --output out.yaml enc.yaml
$S rotate -i --add-age $OTHER enc.yaml
$S rotate --in-place --add-age $OTHER enc.yaml
$S rotate --add-age $OTHER,$THIRD --in-place enc.yaml
$S rotate --in-place --rm-age $OTHER encboth.yaml
$S rotate --rm-age $MINE enc.yaml
$S rotate --rm-age $THIRD enc.yaml
$S rotate --add-age age1nothing enc.yaml
$S rotate --add-age $OTHER nothere.yaml
$S rotate nothere.yaml
$S rotate
$S rotate mac.yaml
$S rotate encother.yaml
$S rotate old.yaml
$S rotate --in-place --output o enc.yaml
$S rotate --in-place --add-age $OTHER repo/sub/two.enc.yaml
$S rotate --output-type json enc.yaml
$S filestatus enc.yaml
$S filestatus plain.yaml
$S filestatus nomac.yaml
$S filestatus enc.bin
$S filestatus enc.env
$S filestatus plain.env
$S filestatus plain.ini
$S filestatus enc.ini
$S filestatus nothere.yaml
$S filestatus broken.yaml
$S filestatus
$S filestatus --input-type yaml enc.yaml
$S exec-env encflat.yaml 'printf "%s|" "$A" "$N" "$F" "$T" "$Z" "$E" "$BIG" "$D" "$HOME"'
$S exec-env --pristine encflat.yaml 'printf "%s|" "$A" "$HOME"'
$S exec-env encflat.yaml 'exit 7'
$S exec-env encflat.yaml 'kill -9 $$'
$S exec-env encflat.yaml 'cat' < plain.env
$S exec-env --same-process encflat.yaml 'echo $A; exit 5'
$S exec-env --same-process --background encflat.yaml 'true'
$S exec-env enc.env 'printf "%s|" "$A" "$B" "$M"'
$S exec-env enc.yaml 'true'
$S exec-env enc.ini 'true'
$S exec-env encflat.yaml
$S exec-env encflat.yaml echo two
$S exec-env nothere.yaml true
$S exec-env encother.yaml true
$S exec-file enc.yaml 'cat {}'
$S exec-file --no-fifo enc.yaml 'cat {} {}'
$S exec-file --no-fifo enc.yaml 'stat -c %a {}'
$S exec-file --no-fifo --filename x.yaml enc.yaml 'basename {}'
$S exec-file --filename x.yaml enc.yaml 'basename {}'
$S exec-file enc.yaml 'basename {}'
$S exec-file --filename ../x enc.yaml 'true'
$S exec-file --output-type json enc.yaml 'cat {}'
$S exec-file enc.yaml 'exit 9'
$S exec-file enc.yaml
$S exec-file nothere.yaml true
$S exec-file enc.bin 'cat {}'
EDITOR='sed -i s/s3cr3t-a/s3cr3t-x/' $S edit enc.yaml
EDITOR='sed -i s/s3cr3t-a/s3cr3t-x/' $S enc.yaml
SOPS_EDITOR='sed -i s/s3cr3t-a/s3cr3t-x/' EDITOR=false $S edit enc.json
SOPS_EDITOR="sed -i 's/s3cr3t-a/a b/'" $S edit enc.env
EDITOR='sed -i s/s3cr3t-a/s3cr3t-x/' $S edit enc.ini
EDITOR='sed -i s/bytes/more/' $S edit enc.bin
EDITOR='sed -i s/s3cr3t-2/s3cr3t-x/' $S edit encmulti.yaml
EDITOR='sed -i s/s3cr3t-a/s3cr3t-x/' $S edit old.yaml
EDITOR='sed -i s/s3cr3t-a/s3cr3t-x/' $S edit new.yaml
EDITOR='sed -i s/s3cr3t-a/s3cr3t-x/' $S edit link.yaml
EDITOR=true $S edit enc.yaml
EDITOR=true $S enc.yaml
EDITOR=false $S edit enc.yaml
EDITOR=/nothere/editor $S edit enc.yaml
EDITOR=true $S edit mac.yaml
EDITOR='sed -i s/s3cr3t-a/x/' $S edit --ignore-mac mac.yaml
EDITOR=true $S edit encother.yaml
EDITOR=true $S edit plain.yaml
EDITOR='sed -i s/example_value/s3cr3t/' $S edit --age $MINE fresh.yaml
EDITOR='sed -i s/example_value/s3cr3t/' $S edit --age $MINE fresh.json
EDITOR='sed -i s/example_value/s3cr3t/' $S edit --age $MINE fresh.env
EDITOR='sed -i s/example_value/s3cr3t/' $S edit --age $MINE fresh.ini
EDITOR='sed -i s/Welcome/s3cr3t/' $S edit --age $MINE fresh.txt
EDITOR='sed -i s/example_value/s3cr3t/' $S --age $MINE fresh.yaml
EDITOR=true $S edit --age $MINE fresh.yaml
EDITOR=cat $S edit --age $MINE fresh.json; true
EDITOR=true $S edit fresh.yaml
EDITOR=true $S fresh.yaml
EDITOR='sed -i 1d' $S edit
$S groups add -i -f enc.yaml --age $OTHER
$S groups add -f enc.yaml --age $OTHER --age $THIRD
$S groups add -f enc.yaml --age $OTHER --shamir-secret-sharing-threshold 2
$S groups add -f enc.yaml --age $OTHER x
$S groups add -i -f encother.yaml --age $MINE
$S groups add -f nothere.yaml --age $MINE
$S groups delete -i -f repo/sub/two.enc.yaml 1
$S groups delete -i -f repo/sub/two.enc.yaml --shamir-secret-sharing-threshold 1 1
$S groups delete -f enc.yaml
$S groups delete -f enc.yaml x
$S updatekeys enc.yaml
$S updatekeys
$S --config none.sops.yaml updatekeys -y enc.yaml
$S --version
$S -v
$S completion bash
$S completion zsh
$S
$S --set '["a"] "s3cr3t"' --age $MINE enc.yaml
$S --set '["a"]"s3cr3t"' enc.yaml
$S --set '["a"] [1]' enc.yaml
$S -r --age $MINE enc.yaml
$S -r -i enc.yaml
$S --rotate --in-place --add-age $OTHER enc.yaml
$S -r nothere.yaml
$S --add-age $OTHER nothere.yaml
$S -d -i --output o enc.yaml
$S -d --input-type json enc.json
$S -d --input-type yaml --output-type yaml enc.yaml
$S -d --ignore-mac mac.yaml
$S -d mac.yaml
$S -- enc.nothere
`,
	"repo": `
$S encrypt sub/plain.yaml
$S encrypt x.part.yaml
$S encrypt comm.yaml
$S encrypt both.yaml
$S encrypt bad.yaml
$S encrypt plain.yaml
$S encrypt --age $MINE plain.yaml
$S encrypt --age $OTHER sub/plain.yaml
$S encrypt --unencrypted-regex b x.part.yaml
$S encrypt --encrypted-regex ^b$ x.part.yaml
$S encrypt --filename-override sub/new.yaml plain.yaml
$S encrypt --filename-override sub/two-more.yaml < plain.yaml
$S encrypt --filename-override sub/x.json --input-type yaml < plain.yaml
$S encrypt -i sub/plain.yaml
$S encrypt sub/two.yaml
$S encrypt --shamir-secret-sharing-threshold 1 sub/two.yaml
$S encrypt --shamir-secret-sharing-threshold 3 sub/two.yaml
$S -e sub/plain.yaml
$S -e -i x.part.yaml
$S -e plain.yaml
cd sub && $S encrypt plain.yaml
cd .. && $S --config repo/.sops.yaml encrypt repo/sub/plain.yaml
cp .sops.yaml .sops.yml; rm .sops.yaml; $S encrypt sub/plain.yaml
$S decrypt up.yaml
$S decrypt sub/two.enc.yaml
SOPS_AGE_KEY_FILE=$OTHERKEY $S decrypt sub/two.enc.yaml
$S set sub/two.enc.yaml '["a"]' '"s3cr3t"'
$S rotate -i sub/two.enc.yaml
$S updatekeys -y up.yaml
$S updatekeys up.yaml < /dev/null
echo n | $S updatekeys up.yaml
echo y | $S updatekeys up.yaml
printf 'q\ny\n' | $S updatekeys up.yaml
$S updatekeys --yes sub/order.yaml
$S updatekeys -y sub/more.yaml
$S updatekeys -y sub/two.enc.yaml
$S updatekeys -y up.yaml sub/more.yaml nothere.yaml
$S updatekeys -y up.yaml sub/more.yaml
$S updatekeys -y nothere.yaml
$S updatekeys -y sub
$S updatekeys -y plain.yaml
$S updatekeys --input-type yaml -y up.yaml
cp up.yaml sub/two9.yaml; $S updatekeys -y sub/two9.yaml
cp sub/two.enc.yaml up.yaml; $S updatekeys -y up.yaml
cp up.yaml x.part.yaml; $S updatekeys -y x.part.yaml
cp ../encother.yaml up.yaml; $S updatekeys -y up.yaml
EDITOR='sed -i s/example_value/s3cr3t/' $S edit sub/fresh.yaml
EDITOR='sed -i s/example_value/s3cr3t/' $S edit sub/two-fresh.yaml
EDITOR='sed -i s/example_value/s3cr3t/' $S fresh.part.yaml
EDITOR='sed -i s/s3cr3t-a/x/' $S edit up.yaml
EDITOR='sed -i s/s3cr3t-a/x/' $S up.yaml
$S --set '["a"] "s3cr3t"' up.yaml
$S --set '["a"] "s3cr3t"' sub/more.yaml
$S -r -i sub/more.yaml
$S exec-file up.yaml 'cat {}'
`,
	"quiet": `
$S encrypt --age $MINE --encrypted-comment-regex head plain.yaml
$S --nonsense enc.yaml
$S decrypt --nonsense enc.yaml
$S set --shamir-secret-sharing-threshold x enc.yaml '["a"]' '"x"'
$S --help
$S help
$S decrypt --help
$S help decrypt
$S groups
$S completion
`,
}

func TestLines(t *testing.T) {
	b := newBench(t)
	total := 0
	for sub, text := range lines {
		for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
			total++
			where, quiet := sub, sub == "quiet"
			if quiet {
				where = ""
			}
			t.Run(line, func(t *testing.T) {
				t.Parallel()
				b.both(t, b.base, where, line, quiet)
			})
		}
	}
	if total < 300 {
		t.Errorf("only %d command lines", total)
	}
}
