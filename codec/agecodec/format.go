package agecodec

import (
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/codec"
)

// Format returns [Encrypt] and [Decrypt] as one value, with the suffix ".age". Either list may be
// empty: runs in that direction then fail.
func Format(recipients []age.Recipient, identities []age.Identity) codec.Format[[]byte] {
	return codec.FormatOf(Encrypt(slices.Clone(recipients)...), Decrypt(slices.Clone(identities)...), ".age")
}
