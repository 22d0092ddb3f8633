package cli

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

// minEncoded is the length in bytes of the shortest secret whose encoded forms are hidden. The
// base64 of a shorter one can be part of ordinary text.
const minEncoded = 6

// encodings returns v in hexadecimal and in base64. A header such as Authorization has a secret in
// one of these forms, and a server can repeat the header.
func encodings(v string) []string {
	if len(v) < minEncoded {
		return nil
	}
	digits := hex.EncodeToString([]byte(v))
	return slices.Concat([]string{digits, strings.ToUpper(digits)},
		inBase64(base64.RawStdEncoding, v), inBase64(base64.RawURLEncoding, v))
}

// inBase64 returns, for each alignment of v in a longer text, the characters of the text's base64
// that depend on v alone.
func inBase64(encoding *base64.Encoding, v string) (parts []string) {
	const bits, byteBits, alignments = 6, 8, 3
	for before := range alignments {
		whole := encoding.EncodeToString([]byte(strings.Repeat("x", before) + v))
		first := (before*byteBits + bits - 1) / bits
		parts = append(parts, whole[first:(before+len(v))*byteBits/bits])
	}
	return parts
}
