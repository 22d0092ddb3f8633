package signing

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"aead.dev/minisign"

	"github.com/millweir/millweir/stream"
)

// PublicKey verifies signatures of one [Key].
type PublicKey struct{ key minisign.PublicKey }

// ParsePublicKey parses a public key: the file that minisign -G writes, or its second line.
func ParsePublicKey(text string) (PublicKey, error) {
	var key minisign.PublicKey
	if err := key.UnmarshalText([]byte(text)); err != nil {
		return PublicKey{}, stream.Mark(fmt.Errorf("signing: parse a public key: %.100q is no public key of minisign",
			text),
			stream.Fatal)
	}
	return PublicKey{key}, nil
}

// String returns the line that [ParsePublicKey] parses.
func (k PublicKey) String() string { return k.key.String() }

// ErrSignature is the error of a signature that does not match.
var ErrSignature = stream.Mark(errors.New("the signature does not match"), stream.Data)

// Verify returns nil if the key's owner signed this message with this trusted comment. Otherwise
// the error is [ErrSignature].
func (k PublicKey) Verify(message, signature []byte, comment string) error {
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return fmt.Errorf("signing: %w: it is no signature of minisign", ErrSignature)
	}
	switch {
	case s.Algorithm != minisign.HashEdDSA:
		return fmt.Errorf("signing: %w: it is of the old kind, not over a hash", ErrSignature)
	case s.KeyID != k.key.ID():
		return fmt.Errorf("signing: %w: it was made with the key %016X, not with %016X", ErrSignature, s.KeyID,
			k.key.ID())
	}
	r := minisign.NewReader(bytes.NewReader(message))
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	switch {
	case !r.Verify(k.key, signature):
		return fmt.Errorf("signing: %w", ErrSignature)
	case s.TrustedComment != comment:
		return fmt.Errorf("signing: %w: it is for %.100q, not for %.100q", ErrSignature, s.TrustedComment, comment)
	}
	return nil
}
