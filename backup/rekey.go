package backup

import (
	"context"
	"path"
	"strconv"
	"strings"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Rekey makes the keys' recipients those who read the repository, and no one else. The keys'
// identities must read it now. Data is not touched, so it takes a few requests whatever the size.
//
// It stores the envelopes of all new recipients before it deletes one of the old. If it fails or is
// killed in between, both old and new keys read the repository: repeat it. A store with versions may
// keep what was deleted.
//
// Someone who had a copy of an envelope and the key for it can read what was stored until now. Make
// a new epoch with [Repository.NewEpoch] for what is stored from now on.
func (r *Repository) Rekey(ctx context.Context) error {
	if len(r.keys.Recipients) == 0 {
		return failed("rekey", ErrNoRecipients)
	}
	names, envelopes, err := r.allEpochs(ctx)
	if err != nil {
		return failed("rekey", err)
	}
	secrets := map[string]string{}
	for _, epoch := range names { // all, before the first change
		identity, err := r.identity(ctx, epoch)
		if err != nil {
			return failed("rekey", err)
		}
		secrets[epoch] = identity.String()
	}
	for _, epoch := range names {
		if err := r.putEnvelopes(ctx, epoch, secrets[epoch], nextNumber(envelopes[epoch])); err != nil {
			return failed("rekey", err)
		}
	}
	for _, epoch := range names {
		if err := r.delete(ctx, envelopes[epoch]); err != nil {
			return failed("rekey", err)
		}
	}
	return nil
}

// CheckKeys returns nil if the keys' identities read all data of the repository.
func (r *Repository) CheckKeys(ctx context.Context) error {
	names, _, err := r.allEpochs(ctx)
	if err != nil {
		return failed("check keys", err)
	}
	for _, epoch := range names {
		if _, err := r.identity(ctx, epoch); err != nil {
			return failed("check keys", err)
		}
	}
	return nil
}

// NewEpoch makes a new key pair, which the keys' recipients read. What is stored from now on is
// encrypted for it, so that a leaked identity of an older epoch does not read it. Runs that have
// begun keep their epoch. The first backup in an epoch stores everything again.
func (r *Repository) NewEpoch(ctx context.Context) error {
	if len(r.keys.Recipients) == 0 {
		return failed("new epoch", ErrNoRecipients)
	}
	_, _, err := r.allEpochs(ctx)
	if err == nil {
		err = r.checkSigns(ctx)
	}
	if err == nil {
		err = r.newEpoch(ctx)
	}
	if err != nil {
		return failed("new epoch", err)
	}
	return nil
}

// Shred deletes the envelopes of all epochs. After that, no key reads the repository. This includes
// objects that cannot be deleted. A store with versions may keep what was deleted. Rekey and NewEpoch must not run
// at the same time: they know the keys and could store an envelope after Shred has looked.
func (r *Repository) Shred(ctx context.Context) error {
	for {
		_, envelopes, err := r.allEpochs(ctx)
		if err != nil {
			return failed("shred", err)
		}
		if len(envelopes) == 0 {
			return nil
		}
		for _, keys := range envelopes {
			if err := r.delete(ctx, keys); err != nil {
				return failed("shred", err)
			}
		}
	}
}

func (r *Repository) delete(ctx context.Context, keys []string) error {
	_, err := stream.Run(ctx, source.Slice(keys), r.store.Delete())
	return err
}

// nextNumber returns a number that no envelope has.
func nextNumber(keys []string) int {
	next := 0
	for _, key := range keys {
		n, err := strconv.Atoi(strings.TrimSuffix(path.Base(key), envelopeSuffix))
		if err == nil {
			next = max(next, n+1)
		}
	}
	return next
}
