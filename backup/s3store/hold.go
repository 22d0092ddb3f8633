package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/sink/s3sink"
)

// Hold implements [backup.Holder] by Object Lock. A protection in compliance mode stays in it. The
// error is [backup.ErrNoHold] if the service does not show the protection afterwards.
func (s *Store) Hold(ctx context.Context, key string, until time.Time) error {
	if err := s.check(key); err != nil {
		return err
	}
	until = roundUp(until)
	object, err := s.head(ctx, key)
	switch {
	case err != nil:
		return s.missing(ctx, "hold", key, err)
	case !object.LockUntil.Before(until):
		return nil
	}
	mode := s.lockMode()
	if s3sink.LockMode(object.LockMode) == s3sink.Compliance {
		mode = s3sink.Compliance
	}
	lock := s3sink.Lock(ctx, s.client, s.bucket, s3sink.ObjectID{Key: s.prefix + key, VersionID: object.VersionID},
		&s3sink.LockOptions{Mode: mode, Until: until, RetryTimeout: s.opts.RetryTimeout, OnRetry: s.opts.OnRetry})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch {
	case errors.Is(lock, s3sink.ErrNoObjectLock):
		return failed("hold", key, fmt.Errorf("%w: %w", backup.ErrNoHold, lock))
	case errors.Is(lock, s3sink.ErrNoObject):
		return failed("hold", key, backup.ErrNotFound)
	}
	return s.confirmHold(ctx, key, object.VersionID, until, lock)
}

// confirmHold returns nil if the version is protected until then. lock is the error of the request
// for it: another process may have protected the object for longer in the meantime.
func (s *Store) confirmHold(ctx context.Context, key, version string, until time.Time, lock error) error {
	object, err := s.headVersion(ctx, key, version)
	switch {
	case err == nil && !object.LockUntil.Before(until):
		return nil
	case lock != nil:
		return lock
	case err != nil:
		return err
	}
	return failed("hold", key, fmt.Errorf("%w: the service does not show it; "+
		"to see it, the right s3:GetObjectRetention is needed", backup.ErrNoHold))
}

// hasLock returns an error if the bucket has no Object Lock, or that cannot be found out.
func (s *Store) hasLock(ctx context.Context) error {
	if s.locked.Load() {
		return nil
	}
	out, err := request(ctx, s, "object lock", func(ctx context.Context, opts ...func(*s3.Options)) (
		*s3.GetObjectLockConfigurationOutput, error,
	) {
		return s.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &s.bucket},
			append(opts, wantRoot("ObjectLockConfiguration"))...)
	})
	switch status := s3fault.Status(err); {
	case err == nil && out.ObjectLockConfiguration != nil &&
		out.ObjectLockConfiguration.ObjectLockEnabled == types.ObjectLockEnabledEnabled:
		s.locked.Store(true)
		return nil
	case s3fault.Code(err) == "NoSuchBucket":
		return s.noBucket(err)
	case err == nil, status == http.StatusNotFound, status == http.StatusNotImplemented:
		return fmt.Errorf("s3store: %w: the bucket %s has no Object Lock: make one that has it, "+
			"or protect no objects", backup.ErrNoHold, s.bucket)
	}
	return needs(err, "s3:GetBucketObjectLockConfiguration")
}

// roundUp returns the first whole second that is not before t: services keep no fractions.
func roundUp(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}
