package agecodec

import (
	"fmt"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// ParseRecipients parses public keys in text form: age1… (X25519), age1pq1… (hybrid post-quantum),
// ssh-ed25519 … and ssh-rsa … as in an authorized_keys file. It ignores white space around a line,
// empty lines and lines that begin with #. An argument may hold many lines.
//
// It returns [ErrNoRecipients] if there is no key. An error contains the number of the line, and
// never text that could be a secret key.
func ParseRecipients(lines ...string) ([]age.Recipient, error) {
	var recipients []age.Recipient
	n := 0
	for _, arg := range lines {
		for line := range strings.SplitSeq(arg, "\n") {
			n++
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			r, err := parseRecipient(line)
			if err != nil {
				return nil, fmt.Errorf("agecodec: parse recipients: line %d: %w", n, err)
			}
			recipients = append(recipients, r)
		}
	}
	if len(recipients) == 0 {
		return nil, fmt.Errorf("agecodec: parse recipients: %w", ErrNoRecipients)
	}
	return recipients, nil
}

var (
	errSecret        = fatal("a secret key in place of a public key")
	errPublic        = fatal("a public key in place of a secret key")
	errKeyForm       = fatal("not a key of a known form")
	errMalformedKey  = fatal("malformed key")
	errPluginKey     = fatal("keys of age plugins are not supported")
	errProtectedFile = fatal("the file of identities is itself encrypted: decrypt it first")
)

func parseRecipient(line string) (age.Recipient, error) {
	switch {
	case strings.HasPrefix(strings.ToUpper(line), "AGE-"):
		return nil, errSecret
	case strings.HasPrefix(line, "age1pq1"):
		r, err := age.ParseHybridRecipient(line)
		return hideKeyText(r, err)
	case strings.HasPrefix(line, "age1") && strings.LastIndexByte(line, '1') > len("age"):
		return nil, errPluginKey // age1name1…: in bech32, no 1 follows the separator
	case strings.HasPrefix(line, "age1"):
		r, err := age.ParseX25519Recipient(line)
		return hideKeyText(r, err)
	case strings.HasPrefix(line, "ssh-"):
		r, err := agessh.ParseRecipient(line)
		return hideKeyText(r, err)
	}
	return nil, errKeyForm
}

// hideKeyText returns r, or an error without the parser's text, which quotes its input.
func hideKeyText[R age.Recipient](r R, err error) (age.Recipient, error) {
	if err != nil {
		return nil, errMalformedKey
	}
	return r, nil
}
