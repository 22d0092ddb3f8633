package agecodec

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"

	"filippo.io/age"

	"github.com/millweir/millweir/internal/redact"
	"golang.org/x/crypto/chacha20poly1305"
)

// PassphraseOptions holds the options of [PassphraseRecipient] and [PassphraseIdentity]. The zero
// value is valid.
type PassphraseOptions struct {
	// WorkFactor is log2 of the work of encryption, 1 to 30. The default is 18: about a second and
	// 256 MiB.
	WorkFactor int
	// MaxWorkFactor is log2 of the most work of decryption, 1 to 30. The default is 20 (about four
	// seconds and 1 GiB), or WorkFactor if that is more. The file states the work that its
	// passphrase takes: this limits files from others.
	MaxWorkFactor int
}

// PassphraseRecipient returns the recipient of a passphrase. It must be a file's only recipient.
// Programs should use keys: a passphrase costs about a second of work each time, and its strength
// depends on its length.
//
// An empty passphrase and a work factor out of range are errors of the run.
func PassphraseRecipient(text string, opts *PassphraseOptions) age.Recipient {
	return newPassphrase(text, opts)
}

// PassphraseIdentity returns the identity of a passphrase. Its inverse is [PassphraseRecipient]. If
// a file asks for more work than MaxWorkFactor, the run fails with [ErrWorkFactor] before any work.
// A wrong passphrase is [ErrNoMatch]. Unlike age.ScryptIdentity, it stops work soon after the run
// is canceled.
func PassphraseIdentity(text string, opts *PassphraseOptions) age.Identity {
	return newPassphrase(text, opts)
}

const (
	defaultWorkFactor    = 18
	defaultMaxWorkFactor = 20
	workFactorLimit      = 30
)

// passphrase is an identity and a recipient. It prints only its kind.
type passphrase struct {
	redact.Text
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
	return &passphrase{"passphrase", redact.Opaque(text), o}
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

// wrap is WrapWithLabels with a context. Its random label differs from every other recipient's, so
// age accepts no other recipient in the file.
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

// aead returns the cipher that encrypts file keys with the passphrase.
func (p *passphrase) aead(ctx context.Context, salt []byte, workFactor int) (cipher.AEAD, error) {
	const most = strconv.IntSize - 12 // larger work does not fit the address space
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
