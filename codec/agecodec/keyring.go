package agecodec

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// openHeader returns a copy of the file key of a complete header. The header is then authentic.
func openHeader(ctx context.Context, head []byte, identities []age.Identity) ([]byte, error) {
	var failed error // an error of an identity, or the cause of ctx: the header is not at fault
	fileKey, err := age.DecryptHeader(head, unwrapFunc(func(stanzas []*age.Stanza) ([]byte, error) {
		fileKey, err := unwrapAny(ctx, identities, stanzas)
		if err != nil && err != age.ErrIncorrectIdentity { //nolint:errorlint // unwrapAny returns exactly this value
			failed = err
		}
		return fileKey, err
	}))
	var none *age.NoIdentityMatchError
	switch {
	case failed != nil:
		return nil, failed
	case err == nil:
		return bytes.Clone(fileKey), nil // the identity may keep its slice
	case errors.As(err, &none):
		return nil, fmt.Errorf("%w: %w", ErrNoMatch, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrDamaged, headerError{err})
}

// unwrapFunc is a function that is an [age.Identity].
type unwrapFunc func(stanzas []*age.Stanza) ([]byte, error)

// Unwrap implements [age.Identity].
func (f unwrapFunc) Unwrap(stanzas []*age.Stanza) ([]byte, error) { return f(stanzas) }

// headerError is age's error for a header that does not parse or has a wrong MAC. Its text is cut,
// because age quotes lines, which may be long.
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

// unwrapAny returns the file key from the first identity that matches, or exactly
// [age.ErrIncorrectIdentity] if none does.
func unwrapAny(ctx context.Context, identities []age.Identity, stanzas []*age.Stanza) ([]byte, error) {
	for _, id := range nativeFirst(identities) {
		fileKey, err := unwrap(ctx, id, stanzas)
		switch {
		case err == nil:
			return fileKey, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case !errors.Is(err, age.ErrIncorrectIdentity):
			return nil, classify(id, stanzas, err)
		}
	}
	return nil, age.ErrIncorrectIdentity
}

// unwrap tries one identity, and returns soon after ctx is done. A header may have 1,024 stanzas,
// and each takes a fraction of a millisecond. So identities that try the stanzas one after another
// get them one at a time.
func unwrap(ctx context.Context, id age.Identity, stanzas []*age.Stanza) ([]byte, error) {
	switch id := id.(type) {
	case *passphrase:
		return id.unwrap(ctx, stanzas)
	case *age.X25519Identity, *age.HybridIdentity, *agessh.Ed25519Identity, *agessh.RSAIdentity:
		for i := range stanzas {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			fileKey, err := id.Unwrap(stanzas[i : i+1])
			if !errors.Is(err, age.ErrIncorrectIdentity) {
				return fileKey, err
			}
		}
		return nil, age.ErrIncorrectIdentity
	case *age.ScryptIdentity:
		if n := workFactor(stanzas); n > defaultMaxWorkFactor {
			return nil, workFactorError(n, defaultMaxWorkFactor, "PassphraseIdentity with a larger MaxWorkFactor")
		}
	}
	return callDetached(ctx, func() ([]byte, error) { return id.Unwrap(stanzas) })
}

// classify adds the sentinel for an error of an identity. The keys of age fail only if a stanza is
// malformed.
func classify(id age.Identity, stanzas []*age.Stanza, err error) error {
	switch id.(type) {
	case *age.ScryptIdentity:
		switch {
		case errors.Is(err, ErrWorkFactor):
		case workFactor(stanzas) > 0: // no other error is possible
			err = fmt.Errorf("%w: %w", ErrWorkFactor, headerError{err})
		default:
			err = fmt.Errorf("%w: %w", ErrDamaged, headerError{err})
		}
	case *age.X25519Identity, *age.HybridIdentity, *agessh.Ed25519Identity, *agessh.RSAIdentity:
		err = fmt.Errorf("%w: %w", ErrDamaged, headerError{err})
	}
	return err
}

// nativeFirst returns the identities, revealed. Those that never ask a person come first.
func nativeFirst(identities []age.Identity) []age.Identity {
	var native, others []age.Identity
	for _, id := range identities {
		switch id := reveal(id).(type) {
		case *age.X25519Identity, *age.HybridIdentity, *age.ScryptIdentity, *passphrase:
			native = append(native, id)
		default:
			others = append(others, id)
		}
	}
	return append(native, others...)
}
