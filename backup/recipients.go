package backup

import (
	"context"
	"crypto/ed25519"
	"fmt"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"

	"github.com/millweir/millweir/codec/agecodec"
)

// recipient returns the newest epoch and its recipient. It is nil in a repository without
// encryption.
func (r *Repository) recipient(ctx context.Context) (epoch string, _ age.Recipient, _ error) {
	names, envelopes, err := r.allEpochs(ctx)
	if err != nil {
		return "", nil, err
	}
	epoch = names[len(names)-1]
	if len(envelopes[epoch]) == 0 {
		return "", nil, fmt.Errorf("%w: make a new epoch", ErrShredded)
	}
	recipient, err := r.recipientOf(ctx, epoch)
	return epoch, recipient, err
}

// dataIdentities returns the identities that read the segments of an epoch: nil in a repository without
// encryption.
func (r *Repository) dataIdentities(ctx context.Context, epoch string) ([]age.Identity, error) {
	if r.plain {
		return nil, nil
	}
	identity, err := r.identity(ctx, epoch)
	if err != nil {
		return nil, err
	}
	return []age.Identity{agecodec.Hide(identity)}, nil
}

// recordRecipients returns who can read the catalogs, plans and receipts of an epoch: who reads the
// data, and the writer.
func (r *Repository) recordRecipients(epoch age.Recipient) ([]age.Recipient, error) {
	if r.plain {
		return nil, nil
	}
	if r.keys.Sign == nil {
		return []age.Recipient{epoch}, nil
	}
	_, writer, err := r.writer()
	if err != nil {
		return nil, err
	}
	return []age.Recipient{epoch, writer}, nil
}

// recordIdentities returns the identities that read the catalogs, plans and receipts of an epoch. The
// writer's signing key suffices for those that it wrote.
func (r *Repository) recordIdentities(ctx context.Context, epoch string) ([]age.Identity, error) {
	if r.plain {
		return nil, nil
	}
	all, err := r.writerIdentities()
	if err != nil {
		return nil, err
	}
	if len(r.keys.Identities) > 0 {
		identities, err := r.dataIdentities(ctx, epoch)
		if err != nil {
			return nil, err
		}
		all = append(all, identities...)
	}
	if len(all) == 0 {
		return nil, ErrNoKey
	}
	return all, nil
}

// writerIdentities returns the identity that follows from the signing key, if there is one.
func (r *Repository) writerIdentities() ([]age.Identity, error) {
	if r.keys.Sign == nil {
		return nil, nil
	}
	writer, _, err := r.writer()
	if err != nil {
		return nil, err
	}
	return []age.Identity{writer}, nil
}

// writer returns a key pair that follows from the signing key. With it, a writer reads its own
// catalogs, to resume and to reuse, but no document.
func (r *Repository) writer() (age.Identity, age.Recipient, error) {
	seed, err := r.keys.Sign.Derive("catalogs of the repository " + r.id)
	if err != nil {
		return nil, nil, err
	}
	secret := ed25519.NewKeyFromSeed(seed)
	identity, err := agessh.NewEd25519Identity(secret)
	if err != nil {
		return nil, nil, err
	}
	public, err := ssh.NewPublicKey(secret.Public())
	if err != nil {
		return nil, nil, err
	}
	recipient, err := agessh.NewEd25519Recipient(public)
	return agecodec.Hide(identity), recipient, err
}
