package agecodec

import (
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/codec"
)

// Pair returns [Encrypt] and [Decrypt] as one value, with the suffix ".age". Either list may be empty: that side's runs then fail.
func Pair(recipients []age.Recipient, identities []age.Identity) codec.Pair[[]byte] {
	return codec.PairOf(Encrypt(slices.Clone(recipients)...), Decrypt(slices.Clone(identities)...), ".age")
}
