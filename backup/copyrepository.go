package backup

import (
	"context"
	"errors"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// copyRepository copies what makes a store this repository, unless it is there.
func (j *copyJob) copyRepository(ctx context.Context) error {
	to := j.copied.repo.store
	_, err := get(ctx, to, repositoryKey)
	if errors.Is(err, ErrNotFound) {
		first, err := stream.Run(ctx, stream.Via(to.List(""), stream.Take[Object](1)), sink.Slice[Object]())
		if err != nil {
			return err
		}
		if len(first) > 0 {
			return failed(first[0].Key, ErrNotEmpty)
		}
	} else if err != nil {
		return err
	}
	if err := j.copySmall(ctx, repositoryKey); err != nil {
		return err
	}
	if err := j.copyIfPresent(ctx, repositoryKey+signatureSuffix); err != nil {
		return err
	}
	return j.copyEpochs(ctx)
}

// copyIfPresent is copySmall for an object that may not exist.
func (j *copyJob) copyIfPresent(ctx context.Context, key string) error {
	err := j.copySmall(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// copyEpochs copies the epochs that the other store does not have: the recipient last, so that an
// epoch that is there has all of its envelopes.
func (j *copyJob) copyEpochs(ctx context.Context) error {
	names, envelopes, err := j.view.repo.epochs(ctx)
	if err != nil {
		return err
	}
	there, _, err := j.copied.repo.epochs(ctx)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, epoch := range there {
		has[epoch] = true
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
