package agecodec

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"filippo.io/age"
)

// PassphraseOptions tunes [PassphraseRecipient] and [PassphraseIdentity]. The zero value is ready to use.
type PassphraseOptions struct {
	WorkFactor    int // binary logarithm of the work that encrypting takes, 1 to 30; 0 means 18, about a second and 256 MiB
	MaxWorkFactor int // the same, of the most that decrypting takes on, 1 to 30; 0 means 20, about four seconds and 1 GiB, or WorkFactor where that is more
}

// PassphraseRecipient returns the recipient of whoever knows the passphrase. It must be a file's only recipient. For programs, keys
// are better: a passphrase costs a second of work each time, and is only as good as it is long.
//
// An empty passphrase and a work factor out of range are errors of the run.
func PassphraseRecipient(text string, opts *PassphraseOptions) age.Recipient {
	return newPassphrase(text, opts)
}

// PassphraseIdentity returns the identity of whoever knows the passphrase, the mirror of [PassphraseRecipient]. A file that asks
// for more work than MaxWorkFactor is refused with [ErrWorkFactor] before any work is done; a wrong passphrase is [ErrNoMatch].
func PassphraseIdentity(text string, opts *PassphraseOptions) age.Identity {
	return newPassphrase(text, opts)
}

const (
	defaultWork    = 18
	defaultMaxWork = 20
	limitWork      = 30
)

// passphrase is both sides. It prints as its name only, and its text is behind a function, because fmt asks no Format of what stands
// in an unexported field.
type passphrase struct {
	text func() string
	PassphraseOptions
}

func newPassphrase(text string, opts *PassphraseOptions) *passphrase {
	var o PassphraseOptions
	if opts != nil {
		o = *opts
	}
	if o.WorkFactor == 0 {
		o.WorkFactor = defaultWork
	}
	if o.MaxWorkFactor == 0 {
		o.MaxWorkFactor = max(defaultMaxWork, o.WorkFactor)
	}
	return &passphrase{func() string { return text }, o}
}

var (
	errEmptyPassphrase = fatal("the passphrase is empty")
	errWorkRange       = fatal("the work factor is not 1 to 30")
)

func (p *passphrase) check() error {
	switch {
	case p.text() == "":
		return errEmptyPassphrase
	case p.WorkFactor < 1, p.WorkFactor > limitWork, p.MaxWorkFactor < 1, p.MaxWorkFactor > limitWork:
		return errWorkRange
	}
	return nil
}

// Wrap implements [age.Recipient].
func (p *passphrase) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	s, _, err := p.WrapWithLabels(fileKey)
	return s, err
}

// WrapWithLabels implements [age.RecipientWithLabels].
func (p *passphrase) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	if err := p.check(); err != nil {
		return nil, nil, err
	}
	r, err := age.NewScryptRecipient(p.text())
	if err != nil {
		return nil, nil, err
	}
	r.SetWorkFactor(p.WorkFactor)
	return r.WrapWithLabels(fileKey)
}

// Unwrap implements [age.Identity].
func (p *passphrase) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if n := workFactor(stanzas); n > p.MaxWorkFactor {
		return nil, fmt.Errorf("%w: 2^%d, at most 2^%d is allowed", ErrWorkFactor, n, p.MaxWorkFactor)
	}
	id, err := age.NewScryptIdentity(p.text())
	if err != nil {
		return nil, err
	}
	id.SetMaxWorkFactor(p.MaxWorkFactor)
	fileKey, err := id.Unwrap(stanzas)
	if err != nil && !errors.Is(err, age.ErrIncorrectIdentity) {
		err = fmt.Errorf("%w: %w", ErrDamaged, headerError{err})
	}
	return fileKey, err
}

// workFactor returns the work factor that the header of a file with a passphrase asks for, or 0 when it is none that is well-formed.
func workFactor(stanzas []*age.Stanza) int {
	if len(stanzas) != 1 || stanzas[0].Type != "scrypt" || len(stanzas[0].Args) != 2 || len(stanzas[0].Body) != fileKeySize+overhead {
		return 0
	}
	salt, digits := stanzas[0].Args[0], stanzas[0].Args[1]
	if p, err := b64.DecodeString(salt); err != nil || len(p) != fileKeySize || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return 0
	}
	n, _ := strconv.Atoi(digits) // the largest int when it is out of range
	return n
}

// Format implements [fmt.Formatter]: no verb prints the passphrase.
func (*passphrase) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "passphrase") }
