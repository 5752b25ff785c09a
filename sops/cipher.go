package sops

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

const (
	dataKeySize = 32
	ivSize      = 32 // sops uses 32-byte nonces, not the usual 12
	tagSize     = 16

	cipherPrefix = "ENC[AES256_GCM,data:"
)

var (
	errNoCipher   = errors.New("not a cipher string: plaintext stands where an encrypted value belongs")
	errBadCipher  = errors.New("malformed cipher string")
	errWrongTag   = errors.New("the ciphertext does not open: it was changed, or moved here from another place")
	errBadContent = errors.New("the value does not have the type that its cipher string names")
)

// sealer encrypts and decrypts values under one data key. It keeps scratch
// space, so one goroutine uses it at a time.
type sealer struct {
	block   cipher.Block
	aead    cipher.AEAD // for IVs of ivSize
	decoded []byte
	plain   []byte
}

func newSealer(dataKey []byte) (*sealer, error) {
	if len(dataKey) != dataKeySize {
		return nil, &IntegrityError{Msg: "the data key has the wrong length"}
	}
	block, err := aes.NewCipher(dataKey)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithNonceSize(block, ivSize)
	if err != nil {
		return nil, err
	}
	return &sealer{block: block, aead: aead}, nil
}

// cipherFields are the parts of "ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]".
type cipherFields struct {
	data, iv, tag, kind string
}

func isCipher(text string) bool { return strings.HasPrefix(text, cipherPrefix) }

func splitCipher(text string) (cipherFields, bool) {
	rest, ok := strings.CutPrefix(text, cipherPrefix)
	if !ok {
		return cipherFields{}, false
	}
	end := strings.LastIndexByte(rest, ']')
	if end < 0 {
		return cipherFields{}, false
	}
	rest = rest[:end]
	var f cipherFields
	var okIV, okTag, okType bool
	f.data, rest, okIV = strings.Cut(rest, ",iv:")
	f.iv, rest, okTag = strings.Cut(rest, ",tag:")
	f.tag, f.kind, okType = strings.Cut(rest, ",type:")
	return f, okIV && okTag && okType && f.data != "" && f.iv != "" && f.tag != "" && f.kind != ""
}

// strictBase64 refuses all but one of the spellings of the same bytes. It skips
// line breaks all the same, which open refuses.
var strictBase64 = base64.StdEncoding.Strict()

// open returns the plaintext and the kind of a cipher string. The error never
// quotes its input.
func (s *sealer) open(text string, aad []byte) (string, Kind, error) {
	fields, ok := splitCipher(text)
	if !ok || strings.ContainsAny(text, "\r\n") {
		if isCipher(text) {
			return "", Null, errBadCipher
		}
		return "", Null, errNoCipher
	}
	var err error
	buf := s.decoded[:0]
	if buf, err = strictBase64.AppendDecode(buf, []byte(fields.data)); err != nil {
		return "", Null, errBadCipher
	}
	if buf, err = strictBase64.AppendDecode(buf, []byte(fields.tag)); err != nil {
		return "", Null, errBadCipher
	}
	sealedLen := len(buf)
	if buf, err = strictBase64.AppendDecode(buf, []byte(fields.iv)); err != nil {
		return "", Null, errBadCipher
	}
	s.decoded = buf
	iv := buf[sealedLen:]
	aead := s.aead
	if len(iv) != ivSize {
		if len(iv) == 0 || len(iv) > 64 {
			return "", Null, errBadCipher
		}
		if aead, err = cipher.NewGCMWithNonceSize(s.block, len(iv)); err != nil {
			return "", Null, errBadCipher
		}
	}

	s.plain, err = aead.Open(s.plain[:0], iv, buf[:sealedLen], aad)
	if err != nil {
		return "", Null, errWrongTag
	}
	kind, canonical, ok := canonicalText(fields.kind, string(s.plain))
	if !ok {
		return "", Null, errBadContent
	}
	return canonical, kind, nil
}

// seal encrypts text under a fresh IV. An empty string or comment is not
// encrypted, as in sops.
func (s *sealer) seal(text string, kind Kind, aad []byte) (string, error) {
	if text == "" {
		return "", nil
	}
	var iv [ivSize]byte
	if _, err := rand.Read(iv[:]); err != nil {
		return "", err
	}
	return s.sealWithIV(text, kind, aad, iv[:]), nil
}

func (s *sealer) sealWithIV(text string, kind Kind, aad, iv []byte) string {
	s.decoded = append(s.decoded[:0], text...)
	s.plain = s.aead.Seal(s.plain[:0], iv, s.decoded, aad)
	data, tag := s.plain[:len(s.plain)-tagSize], s.plain[len(s.plain)-tagSize:]
	out := s.decoded[:0]
	out = append(out, cipherPrefix...)
	out = base64.StdEncoding.AppendEncode(out, data)
	out = append(out, ",iv:"...)
	out = base64.StdEncoding.AppendEncode(out, iv)
	out = append(out, ",tag:"...)
	out = base64.StdEncoding.AppendEncode(out, tag)
	out = append(out, ",type:"...)
	out = append(out, kind.String()...)
	out = append(out, ']')
	s.decoded = out
	return string(out)
}

// canonicalText returns the kind that a type field names and the text form that
// the MAC covers; ok is false if the text is no value of that type.
func canonicalText(kind, text string) (Kind, string, bool) {
	switch kind {
	case "str":
		return String, text, true
	case "comment":
		return Comment, text, true
	case "int":
		n, err := strconv.Atoi(text)
		return Int, strconv.Itoa(n), err == nil
	case "float":
		f, err := strconv.ParseFloat(text, 64)
		return Float, FloatText(f), err == nil
	case "bool":
		b, err := strconv.ParseBool(text)
		return Bool, BoolText(b), err == nil
	case "time":
		var t time.Time
		if err := t.UnmarshalText([]byte(text)); err != nil {
			return Null, "", false
		}
		canonical, err := t.MarshalText()
		return Time, string(canonical), err == nil
	}
	return Null, "", false
}

// BoolText returns "True" or "False", the form in which sops hashes booleans.
func BoolText(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// negativeZero is the text of the one float that comes back as another number,
// the int 0, when it stands in a document as it is.
const negativeZero = "-0"

// FloatText returns the shortest decimal form without an exponent, in which
// sops hashes floats.
func FloatText(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
