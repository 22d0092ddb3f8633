package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/backup/signing"
)

// Keys are the keys of a process that uses a repository. Each task needs only some of them:
//
//   - List needs none.
//   - Init, Rekey and NewEpoch need Recipients, and Sign in a signed repository.
//   - A backup needs Sign. It can read neither old backups nor its own.
//   - Verify, Restore and Rekey need Identities, and Trust.
type Keys struct {
	// Recipients are the public keys of those who may read the repository.
	Recipients []age.Recipient

	// Identities are secret keys that read the repository. One of them must match.
	Identities []age.Identity

	// Sign is the secret key that signs what is published. Without it, a repository is not signed:
	// whoever can write to the store can forge its backups, and can put keys of their own in place,
	// so that they can read every later backup.
	Sign *signing.Key

	// Trust are the public keys whose signatures are accepted, as well as that of Sign. If both are
	// missing, signatures are not verified.
	Trust []signing.PublicKey
}

// String says how many keys there are. It shows none of them.
func (k Keys) String() string {
	signs := "no signing key"
	if k.Sign != nil {
		signs = k.Sign.String()
	}
	return fmt.Sprintf("backup keys: %d recipients, %d identities, %s, %d trusted", len(k.Recipients),
		len(k.Identities),
		signs, len(k.Trust))
}

// Format implements [fmt.Formatter]. Every verb prints [Keys.String].
func (k Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalText implements [encoding.TextMarshaler], for package log/slog and JSON.
func (k Keys) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// clone returns a copy that the caller cannot change.
func (k Keys) clone() Keys {
	k.Recipients, k.Identities, k.Trust = slices.Clone(k.Recipients), slices.Clone(k.Identities), slices.Clone(k.Trust)
	return k
}

// verifies reports whether signatures are verified.
func (k Keys) verifies() bool { return k.Sign != nil || len(k.Trust) > 0 }

// verify returns nil if a trusted key signed the message with this trusted comment.
func (k Keys) verify(message, signature []byte, comment string) error {
	trust := k.Trust
	if k.Sign != nil {
		trust = append(trust[:len(trust):len(trust)], k.Sign.Public())
	}
	var err error
	for _, key := range trust {
		if err = key.Verify(message, signature, comment); err == nil {
			return nil
		}
	}
	return err
}

// checkSigns returns ErrCannotSign if what these keys publish would be refused by those who verify
// signatures, because it is not signed.
func (r *Repository) checkSigns(ctx context.Context) error {
	if r.keys.Sign != nil {
		return nil
	}
	if r.keys.verifies() {
		return ErrCannotSign
	}
	_, err := get(ctx, r.store, repositoryKey+signatureSuffix)
	switch {
	case err == nil:
		return ErrCannotSign
	case errors.Is(err, ErrNotFound):
		return nil
	}
	return err
}

// putSigned stores the object at key, and before it its signature, if the keys can sign.
func (r *Repository) putSigned(ctx context.Context, key string, content []byte, comment string) error {
	if err := r.putSignature(ctx, key, content, comment); err != nil {
		return err
	}
	return put(ctx, r.store, key, content)
}

func (r *Repository) putSignature(ctx context.Context, key string, content []byte, comment string) error {
	if r.keys.Sign == nil {
		return nil
	}
	signature, err := r.keys.Sign.Sign(content, r.comment(comment))
	if err != nil {
		return err
	}
	return put(ctx, r.store, key+signatureSuffix, signature)
}

// checkSigned returns nil if the object at key has a trusted signature, or none is required.
func (r *Repository) checkSigned(ctx context.Context, key, comment string) error {
	_, err := r.getSigned(ctx, key, comment)
	return err
}

// getSigned returns the object at key. If the keys verify signatures, it has a trusted one.
func (r *Repository) getSigned(ctx context.Context, key, comment string) ([]byte, error) {
	content, err := get(ctx, r.store, key)
	if err != nil || !r.keys.verifies() {
		return content, err
	}
	signature, err := get(ctx, r.store, key+signatureSuffix)
	if err != nil {
		return nil, failed(key, unsigned(err))
	}
	if err := r.keys.verify(content, signature, r.comment(comment)); err != nil {
		return nil, failed(key, err)
	}
	return content, nil
}

const signatureSuffix = ".sig"

// comment returns the trusted comment of a signature of this repository.
func (r *Repository) comment(what string) string { return "millweir repository " + r.id + " " + what }
