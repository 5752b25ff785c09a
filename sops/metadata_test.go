package sops_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"keyreeve/sops"
)

const foreignYAML = `    pgp:
        - created_at: "2020-01-02T03:04:05Z"
          enc: |-
            -----BEGIN PGP MESSAGE-----

            hQIMA0t4uZHfl9qgAQ//abc
            -----END PGP MESSAGE-----
          fp: 85D77543B3D624B63CEA9E6DBC17301B491B3F21
    kms:
        - arn: arn:aws:kms:us-east-1:656532927350:key/920aff2e-c5f1-4040-943a-047fa387b27e
          context:
            env: prod
          created_at: "2020-01-02T03:04:05Z"
          enc: AQICAHh
          aws_profile: ""
    gcp_kms: []
    azure_kv: null
    hc_vault: []
    from_the_future: {a: [1, x]}
`

// Keys that only sops can use stay as they are through an edit, and whatever
// would have to wrap for them is refused. Empty lists of old files are ignored.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	encrypted := string(p.sops("a.yaml", []byte("a: 1\nb: x\n"), "encrypt"))
	withForeign := strings.Replace(encrypted, "sops:\n", "sops:\n"+foreignYAML, 1)
	d := p.open([]byte(withForeign), sops.YAML)
	if _, err := d.Set(0, []string{"a"}, sops.StringNode("new"), sops.SetOptions{}); err != nil {
		t.Fatal(err)
	}
	edited, err := d.Seal(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pgp := foreignYAML[:strings.Index(foreignYAML, "    kms:")]
	kms := foreignYAML[len(pgp):strings.Index(foreignYAML, "    gcp_kms:")]
	for _, block := range []string{pgp, kms, "from_the_future:"} {
		if !strings.Contains(string(edited), block) {
			t.Errorf("the block is gone:\n%s\nfrom:\n%s", block, edited)
		}
	}
	if out := p.sops("a.yaml", edited, "decrypt"); string(out) != "a: new\nb: x\n" {
		t.Errorf("sops reads %q", out)
	}
	var foreign *sops.ForeignKeyError
	for name, err := range map[string]error{
		"SetRecipients": d.SetRecipients([][]string{{p.recipient()}}, 0),
		"RenewDataKey":  d.RenewDataKey(),
		"Wrap":          d.Wrap(wrap),
	} {
		if !errors.As(err, &foreign) || len(foreign.Keys) != 2 {
			t.Errorf("%s: got %v, want a refusal that names both keys", name, err)
		}
	}
}

// An unquoted lastmodified is a YAML timestamp, which sops refuses.
func TestUnquotedLastModified(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	encrypted := string(p.sops("a.yaml", []byte("a: 1\n"), "encrypt"))
	unquoted := []byte(regexp.MustCompile(`lastmodified: "(.*)"`).ReplaceAllString(encrypted, "lastmodified: $1"))
	if _, err := p.try("a.yaml", unquoted, "decrypt"); err == nil {
		t.Error("sops takes it")
	}
	var integrity *sops.IntegrityError
	if _, err := sops.Parse(unquoted, sops.YAML); !errors.As(err, &integrity) {
		t.Errorf("got %v, want an integrity error", err)
	}
}
