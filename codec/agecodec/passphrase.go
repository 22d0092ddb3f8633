package agecodec

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"
)

// PassphraseOptions tunes [PassphraseRecipient] and [PassphraseIdentity]. The zero value is ready to use.
type PassphraseOptions struct {
	// WorkFactor is the binary logarithm of the work that encryption takes, 1 to 30. The default is 18: about a second, and 256 MiB.
	WorkFactor int
	// MaxWorkFactor is the same of the most work that decryption takes on, 1 to 30. The default is 20, about four seconds and 1 GiB,
	// or WorkFactor if that is more. A file says itself how much work its passphrase takes: this is the limit for files of others.
	MaxWorkFactor int
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
// Cancelling a run ends the work at once, which is not so with age.ScryptIdentity.
func PassphraseIdentity(text string, opts *PassphraseOptions) age.Identity {
	return newPassphrase(text, opts)
}

const (
	defaultWorkFactor    = 18
	defaultMaxWorkFactor = 20
	workFactorLimit      = 30
)

// passphrase is both sides. It prints as its kind only.
type passphrase struct {
	redacted
	text func() string
	PassphraseOptions
}

func newPassphrase(text string, opts *PassphraseOptions) *passphrase {
	var o PassphraseOptions
	if opts != nil {
		o = *opts
	}
	if o.WorkFactor == 0 {
		o.WorkFactor = defaultWorkFactor
	}
	if o.MaxWorkFactor == 0 {
		o.MaxWorkFactor = max(defaultMaxWorkFactor, o.WorkFactor)
	}
	return &passphrase{"passphrase", opaque(text), o}
}

var (
	errEmptyPassphrase = fatal("the passphrase is empty")
	errWorkRange       = fatal("the work factor is not 1 to 30")
)

func (p *passphrase) check() error {
	switch {
	case p.text() == "":
		return errEmptyPassphrase
	case p.WorkFactor < 1, p.WorkFactor > workFactorLimit, p.MaxWorkFactor < 1, p.MaxWorkFactor > workFactorLimit:
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
	return p.wrap(context.Background(), fileKey)
}

// wrap is WrapWithLabels with a context. Its label is no other recipient's, so a passphrase stands alone.
func (p *passphrase) wrap(ctx context.Context, fileKey []byte) ([]*age.Stanza, []string, error) {
	if err := p.check(); err != nil {
		return nil, nil, err
	}
	salt := make([]byte, scryptSaltSize)
	rand.Read(salt) // it never fails
	aead, err := p.aead(ctx, salt, p.WorkFactor)
	if err != nil {
		return nil, nil, err
	}
	stanza := &age.Stanza{
		Type: scryptStanza,
		Args: []string{b64.EncodeToString(salt), strconv.Itoa(p.WorkFactor)},
		Body: aead.Seal(nil, make([]byte, aead.NonceSize()), fileKey, nil),
	}
	return []*age.Stanza{stanza}, []string{rand.Text()}, nil
}

// Unwrap implements [age.Identity].
func (p *passphrase) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	return p.unwrap(context.Background(), stanzas)
}

// unwrap is Unwrap with a context.
func (p *passphrase) unwrap(ctx context.Context, stanzas []*age.Stanza) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(stanzas, func(s *age.Stanza) bool { return s.Type == scryptStanza }) {
		return nil, fmt.Errorf("%w: the file has no passphrase", age.ErrIncorrectIdentity)
	}
	s, ok := parseScrypt(stanzas)
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: malformed passphrase stanza", ErrDamaged)
	case s.workFactor > p.MaxWorkFactor:
		return nil, workFactorError(s.workFactor, p.MaxWorkFactor, "PassphraseOptions.MaxWorkFactor")
	}
	aead, err := p.aead(ctx, s.salt, s.workFactor)
	if err != nil {
		return nil, err
	}
	fileKey, err := aead.Open(nil, make([]byte, aead.NonceSize()), s.body, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: wrong passphrase", age.ErrIncorrectIdentity)
	}
	return fileKey, nil
}

// aead returns what wraps file keys with the passphrase.
func (p *passphrase) aead(ctx context.Context, salt []byte, workFactor int) (cipher.AEAD, error) {
	const most = strconv.IntSize - 12 // of memory that has an address
	if workFactor > most {
		return nil, workFactorError(workFactor, most, "a 64-bit system")
	}
	key, err := scryptKey(ctx, p.text(), append([]byte("age-encryption.org/v1/scrypt"), salt...), workFactor)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return chacha20poly1305.New(key)
}
