package agecodec

import (
	"fmt"
	"strconv"
	"strings"

	"filippo.io/age"
)

// workFactorError returns the error of a file that asks for work factor n. allow names what would
// allow more.
func workFactorError(n, most int, allow string) error {
	return fmt.Errorf("%w: the passphrase takes 2^%d, at most 2^%d is allowed; %s allows more",
		ErrWorkFactor, n, most, allow)
}

const (
	scryptStanza   = "scrypt" // the stanza's type
	scryptSaltSize = 16
)

// scryptParts holds the parts of a passphrase's stanza.
type scryptParts struct {
	salt, body []byte
	workFactor int // 1 or more; math.MaxInt if the number overflows
}

// parseScrypt returns the parts of a passphrase's stanza. It returns false if the stanza is
// malformed or not the only one.
func parseScrypt(stanzas []*age.Stanza) (scryptParts, bool) {
	if len(stanzas) != 1 || stanzas[0].Type != scryptStanza || len(stanzas[0].Args) != 2 {
		return scryptParts{}, false
	}
	text, digits, body := stanzas[0].Args[0], stanzas[0].Args[1], stanzas[0].Body
	salt, err := b64.DecodeString(text)
	if err != nil || len(salt) != scryptSaltSize || !isWord(text) || len(body) != fileKeySize+overhead {
		return scryptParts{}, false
	}
	if digits == "" || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return scryptParts{}, false
	}
	n, _ := strconv.Atoi(digits)
	return scryptParts{salt, body, n}, true
}

// workFactor returns the work factor of a header with a passphrase, or 0 if it is malformed.
func workFactor(stanzas []*age.Stanza) int {
	s, _ := parseScrypt(stanzas)
	return s.workFactor
}
