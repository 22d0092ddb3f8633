package agecodec

import (
	"fmt"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

var errNoRecipient = fatal("the recipient of an identity of this kind is unknown")

// RecipientOf returns the recipient of the files that identity can read: the public key of a secret
// key, or the passphrase. It accepts the identities of this package and of filippo.io/age, except
// age.ScryptIdentity, and those with a method Recipient() age.Recipient.
func RecipientOf(identity age.Identity) (age.Recipient, error) {
	if !isNil(identity) {
		switch id := reveal(identity).(type) {
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
		case *protectedSSHKey:
			return id.id.Recipient(), nil
		case interface{ Recipient() age.Recipient }:
			return id.Recipient(), nil
		}
	}
	return nil, fmt.Errorf("agecodec: recipient: %w", errNoRecipient)
}
