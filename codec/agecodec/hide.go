package agecodec

import (
	"filippo.io/age"
	"filippo.io/age/agessh"

	"github.com/millweir/millweir/internal/redact"
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
	name := redact.Text("identity")
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
	return &hiddenIdentity{name, redact.Opaque(identity)}
}

// hiddenIdentity is an identity returned by [Hide].
type hiddenIdentity struct {
	redact.Text
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
