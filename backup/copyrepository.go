package backup

import (
	"context"
	"errors"
	"fmt"
)

// copyRepository copies what makes a store this repository, unless it is there.
func (j *copyJob) copyRepository(ctx context.Context) error {
	to := j.copied.repo.store
	_, err := get(ctx, to, repositoryKey)
	if errors.Is(err, ErrNotFound) {
		found, err := first(ctx, to.List(""))
		if err != nil {
			return err
		}
		if found != nil {
			return ofTarget(fmt.Errorf("%w, and has no copy: it has %s: choose another prefix or directory",
				ErrNotEmpty, found.Key))
		}
		return j.begin(ctx)
	}
	if err != nil {
		return err
	}
	return j.goOn(ctx)
}

// goOn completes the repository that another copy has begun.
func (j *copyJob) goOn(ctx context.Context) error {
	if err := j.copySmall(ctx, repositoryKey); err != nil {
		return err
	}
	if err := j.copied.repo.hold(ctx, repositoryKey); err != nil {
		return err
	}
	return j.copyIdentity(ctx)
}

// begin makes an empty store a repository, if the store is fit for one.
func (j *copyJob) begin(ctx context.Context) error {
	content, err := get(ctx, j.view.repo.store, repositoryKey)
	if err != nil {
		return err
	}
	if err := checkStore(ctx, j.to); err != nil {
		return ofTarget(err)
	}
	err = ofTarget(putProven(ctx, j.target.store, repositoryKey, content))
	if errors.Is(err, ErrExists) { // another copy has begun, too
		return j.goOn(ctx)
	}
	if err != nil {
		return err
	}
	err = j.copied.repo.hold(ctx, repositoryKey)
	if errors.Is(err, ErrNoHold) { // nothing else is there yet
		return errors.Join(err, ofTarget(withdraw(ctx, j.target.store, repositoryKey)))
	}
	if err != nil {
		return err
	}
	return j.copyIdentity(ctx)
}

// copyIdentity copies the signature and the keys of the repository, whose file is there.
func (j *copyJob) copyIdentity(ctx context.Context) error {
	if err := j.copyIfPresent(ctx, repositoryKey+signatureSuffix); err != nil {
		return err
	}
	return j.copyEpochs(ctx)
}

// copyIfPresent is copySmall for an object that may not exist.
func (j *copyJob) copyIfPresent(ctx context.Context, key string) error {
	err := j.copySmall(ctx, key)
	if errors.Is(err, ErrNotFound) && !isOfTarget(err) {
		return nil
	}
	return err
}

// checkKeys returns [ErrShredded] if the keys of the backup's epoch were deleted. Such a copy could not
// be read.
func (j *copyJob) checkKeys(ctx context.Context) error {
	if j.view.repo.plain {
		return nil
	}
	_, envelopes, err := j.view.repo.epochs(ctx)
	if err == nil && len(envelopes[j.view.manifest.Epoch]) == 0 {
		err = failed(epochsPrefix+j.view.manifest.Epoch, ErrShredded)
	}
	return err
}

// copyEpochs copies the epochs that the other store does not have: the recipient last, so that an
// epoch that is there has all of its envelopes. It does not bring keys back that were shredded there.
func (j *copyJob) copyEpochs(ctx context.Context) error {
	names, envelopes, err := j.view.repo.epochs(ctx)
	if err != nil {
		return err
	}
	there, envelopesThere, err := j.copied.repo.epochs(ctx)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, epoch := range there {
		has[epoch] = true
		if epoch == j.view.manifest.Epoch && len(envelopesThere[epoch]) == 0 {
			return ofTarget(failed(epochsPrefix+epoch, ErrShredded))
		}
	}
	for _, epoch := range names {
		if has[epoch] {
			continue
		}
		for _, key := range envelopes[epoch] {
			if err := j.copySmall(ctx, key); err != nil {
				return err
			}
		}
		recipient := epochsPrefix + epoch + "/" + recipientName
		if err := j.copyIfPresent(ctx, recipient+signatureSuffix); err != nil {
			return err
		}
		if err := j.copySmall(ctx, recipient); err != nil {
			return err
		}
	}
	return nil
}
