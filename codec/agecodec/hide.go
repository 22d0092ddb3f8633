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
	name := redacted("identity")
	switch identity.(type) {
	case *hiddenIdentity, *passphrase:
		return identity
	case *age.X25519Identity:
		name = "X25519 identity"
	case *age.HybridIdentity:
		name = "hybrid post-quantum identity"
	case *age.ScryptIdentity:
		name = "passphrase"
	case *agessh.Ed25519Identity, *agessh.RSAIdentity, *agessh.EncryptedSSHIdentity, *protectedSSHKey:
		name = "SSH identity"
	}
	return &hiddenIdentity{name, opaque(identity)}
}

// hiddenIdentity is what [Hide] returns.
type hiddenIdentity struct {
	redacted
	identity func() age.Identity
}

// Unwrap implements [age.Identity].
func (h *hiddenIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	return h.identity().Unwrap(stanzas)
}

// revealed returns the identity itself if it is hidden.
func reveal(identity age.Identity) age.Identity {
	if h, ok := identity.(*hiddenIdentity); ok {
		return h.identity()
	}
	return identity
}

// hidden returns a function that returns v. Package fmt calls no method of a value in an unexported field: it reads the fields
// below by reflection. A function has none.
func opaque[T any](v T) func() T { return func() T { return v } }

// printed is the text that a secret prints as. Its methods serve the types that embed it.
type redacted string

// String implements [fmt.Stringer].
func (p redacted) String() string { return string(p) }

// Format implements [fmt.Formatter]: every verb prints the same.
func (p redacted) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, string(p)) }

// MarshalText implements [encoding.TextMarshaler], for package log/slog and JSON.
func (p redacted) MarshalText() ([]byte, error) { return []byte(p), nil }
