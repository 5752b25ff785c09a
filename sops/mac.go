package sops

import (
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"strings"
	"time"
)

// macHash computes the MAC: SHA-512 over the text of every value in document
// order, without separators. Comments are not covered.
type macHash struct {
	hash          hash.Hash
	onlyEncrypted bool
	buf           []byte
}

// macOnlyEncryptedSeed is SHA-256("sops"), which sops hashes first where only
// encrypted values count, so that the two kinds of MAC never agree.
const macOnlyEncryptedSeed = "8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69"

func newMAC(onlyEncrypted bool) *macHash {
	m := &macHash{hash: sha512.New(), onlyEncrypted: onlyEncrypted}
	if onlyEncrypted {
		seed, _ := hex.DecodeString(macOnlyEncryptedSeed)
		m.hash.Write(seed)
	}
	return m
}

func (m *macHash) add(v visit) {
	if v.node.Kind == Comment || m.onlyEncrypted && !v.encrypts {
		return
	}
	m.buf = append(m.buf[:0], v.node.Text...)
	m.hash.Write(m.buf)
}

func (m *macHash) sum() string { return strings.ToUpper(hex.EncodeToString(m.hash.Sum(nil))) }

func (d *Document) checkMAC(s *sealer, sum string) error {
	modified, err := time.Parse(time.RFC3339, d.Metadata.LastModified)
	if err != nil {
		return &IntegrityError{Msg: "sops.lastmodified is not a time"}
	}
	if d.Metadata.MAC == "" {
		return &IntegrityError{Msg: "the document has no MAC"}
	}
	want, kind, err := s.open(d.Metadata.MAC, []byte(modified.Format(time.RFC3339)))
	if err != nil || kind != String {
		return &IntegrityError{Msg: "the MAC does not open: it or lastmodified was changed"}
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(sum)) != 1 {
		return &IntegrityError{Msg: "the MAC does not match: a value was changed, moved, added or removed"}
	}
	return nil
}
