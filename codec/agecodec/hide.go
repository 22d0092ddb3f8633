package agecodec

import (
	"fmt"
	"io"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// Hide returns an identity that prints only its kind, such as "X25519 identity", and never its key:
// with every verb of package fmt, in logs, in JSON, and inside any struct, slice or map. The
// identities of this package are already hidden. Use Hide for those of filippo.io/age: their String
// method and fields show the key.
//
// [RecipientOf] accepts hidden identities.
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

// hiddenIdentity is an identity returned by [Hide].
type hiddenIdentity struct {
	redacted
	identity func() age.Identity
}

// Unwrap implements [age.Identity].
func (h *hiddenIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	return h.identity().Unwrap(stanzas)
}

// reveal returns the identity inside a hidden one, or identity itself.
func reveal(identity age.Identity) age.Identity {
	if h, ok := identity.(*hiddenIdentity); ok {
		return h.identity()
	}
	return identity
}

// opaque returns a function that returns v. Package fmt does not call methods of unexported fields:
// it prints their contents by reflection. It cannot see inside a function.
func opaque[T any](v T) func() T { return func() T { return v } }

// redacted is the text printed for a secret. A type that holds a secret embeds it.
type redacted string

// String implements [fmt.Stringer].
func (p redacted) String() string { return string(p) }

// Format implements [fmt.Formatter]. Every verb prints the same text.
func (p redacted) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, string(p)) }

// MarshalText implements [encoding.TextMarshaler], for package log/slog and JSON.
func (p redacted) MarshalText() ([]byte, error) { return []byte(p), nil }
