package agecodec

import (
	"bytes"
	"errors"
	"fmt"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// openHeader returns the file key of a header that is complete, in memory of its own. The header is authentic then.
func openHeader(head []byte, identities []age.Identity) ([]byte, error) {
	k := &keyring{identities: identities}
	fileKey, err := age.DecryptHeader(head, k)
	var none *age.NoIdentityMatchError
	switch {
	case err == nil:
		return bytes.Clone(fileKey), nil // the identity may keep its own
	case errors.As(err, &none):
		return nil, fmt.Errorf("%w: %w", ErrNoMatch, err)
	case k.failed != nil:
		return nil, k.failed
	}
	return nil, fmt.Errorf("%w: %w", ErrDamaged, headerError{err})
}

// headerError is what age says of a header that does not parse, or whose MAC is wrong. It quotes lines, which may be long.
type headerError struct{ error }

// Error implements error.
func (e headerError) Error() string {
	const enough = 200
	s := e.error.Error()
	if len(s) > enough {
		s = s[:enough] + "…"
	}
	return s
}

// Unwrap returns age's error.
func (e headerError) Unwrap() error { return e.error }

// keyring is all identities as one, so that a failure of an identity can be told from a failure of the header.
type keyring struct {
	identities []age.Identity
	failed     error
}

// Unwrap implements [age.Identity].
func (k *keyring) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, id := range nativeFirst(k.identities) {
		fileKey, err := id.Unwrap(stanzas)
		switch {
		case err == nil:
			return fileKey, nil
		case !errors.Is(err, age.ErrIncorrectIdentity):
			k.failed = kindOf(id, stanzas, err)
			return nil, k.failed
		}
	}
	return nil, age.ErrIncorrectIdentity
}

// kindOf says what it means that an identity failed. The keys of age itself fail only for a stanza that is malformed.
func kindOf(id age.Identity, stanzas []*age.Stanza, err error) error {
	switch id.(type) {
	case *age.ScryptIdentity:
		kind := ErrDamaged
		if workFactor(stanzas) > 0 {
			kind = ErrWorkFactor // nothing else can be wrong
		}
		err = fmt.Errorf("%w: %w", kind, headerError{err})
	case *age.X25519Identity, *age.HybridIdentity, *agessh.Ed25519Identity, *agessh.RSAIdentity:
		err = fmt.Errorf("%w: %w", ErrDamaged, headerError{err})
	}
	return err
}

// nativeFirst returns the identities with those in front that ask nobody for anything.
func nativeFirst(identities []age.Identity) []age.Identity {
	var native, others []age.Identity
	for _, id := range identities {
		switch id.(type) {
		case *age.X25519Identity, *age.HybridIdentity, *age.ScryptIdentity, *passphrase:
			native = append(native, id)
		default:
			others = append(others, id)
		}
	}
	return append(native, others...)
}
