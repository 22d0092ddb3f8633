package agecodec

import (
	"reflect"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

var (
	errNilRecipient = fatal("a recipient is nil")
	errNilIdentity  = fatal("an identity is nil")
	errIncompatible = fatal("these recipients cannot be mixed: a passphrase stands alone, and post-quantum keys only beside each other")
)

// checkRecipients reports what [Encrypt] refuses.
func checkRecipients(recipients []age.Recipient) error {
	if len(recipients) == 0 {
		return ErrNoRecipients
	}
	for _, r := range recipients {
		if isNil(r) {
			return errNilRecipient
		}
	}
	return checkCompatible(recipients)
}

// checkMix finds recipients of the known kinds that refuse each other, before they do any work. What others say is known when they
// wrap the key.
func checkCompatible(recipients []age.Recipient) error {
	var classic, hybrid, hasPassphrase bool
	for _, r := range recipients {
		switch r := r.(type) {
		case *age.X25519Recipient, *agessh.Ed25519Recipient, *agessh.RSARecipient:
			classic = true
		case *age.HybridRecipient:
			hybrid = true
		case *age.ScryptRecipient:
			hasPassphrase = true
		case *passphrase:
			if err := r.check(); err != nil {
				return err
			}
			hasPassphrase = true
		}
	}
	if hasPassphrase && len(recipients) > 1 || classic && hybrid {
		return errIncompatible
	}
	return nil
}

// isNil also finds the nil pointer in an interface.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}
