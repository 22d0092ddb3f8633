package agecodec

import (
	"fmt"
	"io"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// Hide returns identity as one that prints as its kind, such as "X25519 identity", and never as its key: with every verb of
// package fmt, in logs, in JSON, and in any struct, slice or map that holds it. The identities that this package makes are hidden
// already. It is for those of filippo.io/age, whose String method and whose fields show the key.
//
// [RecipientOf] returns the recipient of a hidden identity too.
func Hide(identity age.Identity) age.Identity {
	if isNil(identity) {
		return identity
	}
	name := printed("identity")
	switch identity.(type) {
	case *hiddenIdentity, *passphrase:
		return identity
	case *age.X25519Identity:
		name = "X25519 identity"
	case *age.HybridIdentity:
		name = "hybrid post-quantum identity"
	case *age.ScryptIdentity:
		name = "passphrase"
	case *agessh.Ed25519Identity, *agessh.RSAIdentity, *agessh.EncryptedSSHIdentity, *lockedKey:
		name = "SSH identity"
	}
	return &hiddenIdentity{name, hidden(identity)}
}

// hiddenIdentity is what [Hide] returns.
type hiddenIdentity struct {
	printed
	identity func() age.Identity
}

// Unwrap implements [age.Identity].
func (h *hiddenIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	return h.identity().Unwrap(stanzas)
}

// revealed returns the identity itself if it is hidden.
func revealed(identity age.Identity) age.Identity {
	if h, ok := identity.(*hiddenIdentity); ok {
		return h.identity()
	}
	return identity
}

// hidden returns a function that returns v. Package fmt calls no method of a value in an unexported field: it reads the fields
// below by reflection. A function has none.
func hidden[T any](v T) func() T { return func() T { return v } }

// printed is the text that a secret prints as. Its methods serve the types that embed it.
type printed string

// String implements [fmt.Stringer].
func (p printed) String() string { return string(p) }

// Format implements [fmt.Formatter]: every verb prints the same.
func (p printed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, string(p)) }

// MarshalText implements [encoding.TextMarshaler], for package log/slog and JSON.
func (p printed) MarshalText() ([]byte, error) { return []byte(p), nil }

var errNoRecipient = fatal("an identity of this kind does not tell its recipient")

// RecipientOf returns the recipient of what identity can read: the public key of a secret key, or the passphrase. It knows the
// identities of this package and of filippo.io/age but for age.ScryptIdentity, and those with a method Recipient() age.Recipient.
func RecipientOf(identity age.Identity) (age.Recipient, error) {
	if !isNil(identity) {
		switch id := revealed(identity).(type) {
		case *passphrase:
			return id, nil
		case *age.X25519Identity:
			return id.Recipient(), nil
		case *age.HybridIdentity:
			return id.Recipient(), nil
		case *agessh.Ed25519Identity:
			return id.Recipient(), nil
		case *agessh.RSAIdentity:
			return id.Recipient(), nil
		case *lockedKey:
			return id.id.Recipient(), nil
		case interface{ Recipient() age.Recipient }:
			return id.Recipient(), nil
		}
	}
	return nil, fmt.Errorf("agecodec: recipient: %w", errNoRecipient)
}
