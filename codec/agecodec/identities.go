package agecodec

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

const maxIdentities = 16 << 20 // bytes of a file of identities

var errKeysTooLong = fatal("more than 16 MiB")

// ParseIdentities reads identities in text form from r: AGE-SECRET-KEY-1… (X25519) and
// AGE-SECRET-KEY-PQ-1… (hybrid post-quantum), one a line as age-keygen writes them, or one SSH
// private key (Ed25519 or RSA) in PEM. It ignores empty lines and lines that begin with #. The
// identities never print their keys, as with [Hide]. [RecipientOf] returns the public key.
//
//   - Errors: [ErrNoIdentities] if there is none, [ErrKeyEncrypted] for an SSH key with a
//     passphrase, or the number of a malformed line. No error contains text from r.
//   - Limits: 16 MiB.
func ParseIdentities(r io.Reader) ([]age.Identity, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxIdentities+1))
	defer clear(text)
	if err == nil && len(text) > maxIdentities {
		err = errKeysTooLong
	}
	if err != nil {
		return nil, fmt.Errorf("agecodec: parse identities: %w", err)
	}
	ids, err := parseIdentities(text)
	if err != nil {
		return nil, fmt.Errorf("agecodec: parse identities: %w", err)
	}
	return ids, nil
}

func parseIdentities(text []byte) ([]age.Identity, error) {
	switch text := bytes.TrimSpace(text); {
	case bytes.HasPrefix(text, []byte("age-encryption.org/")), bytes.HasPrefix(text, []byte("-----BEGIN AGE")):
		return nil, errProtectedFile
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		id, err := parseSSHIdentity(text, nil)
		if err != nil {
			return nil, err
		}
		return []age.Identity{id}, nil
	}
	var ids []age.Identity
	n := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		id, err := parseIdentity(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, ErrNoIdentities
	}
	return ids, nil
}

func parseIdentity(line string) (age.Identity, error) {
	switch {
	case strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1"):
		if id, err := age.ParseHybridIdentity(line); err == nil {
			return Hide(id), nil
		}
		return nil, errMalformedKey
	case strings.HasPrefix(line, "AGE-SECRET-KEY-1"):
		if id, err := age.ParseX25519Identity(line); err == nil {
			return Hide(id), nil
		}
		return nil, errMalformedKey
	case strings.HasPrefix(line, "AGE-PLUGIN-"):
		return nil, errPluginKey
	case strings.HasPrefix(line, "age1"), strings.HasPrefix(line, "ssh-"):
		return nil, errPublic
	}
	return nil, errKeyForm
}
