package agecodec

import (
	"reflect"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

var (
	errNilRecipient = fatal("a recipient is nil")
	errNilIdentity  = fatal("an identity is nil")
	errIncompatible = fatal("recipients cannot be mixed: a passphrase goes alone, post-quantum keys with their kind")
)

// checkRecipients returns an error if [Encrypt] must not use the recipients.
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

// checkCompatible returns an error if recipients of known kinds cannot share a file, before they do
// any work. Recipients of other kinds report their labels only when they wrap the key.
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

// isNil reports whether v is nil, or an interface that holds a nil pointer.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}
