package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// maxClockSkew is how much the local clock may differ from that of the service: retention and grace
// are compared with both.
const maxClockSkew = time.Minute

// ErrClock reports a local clock that differs from the service's by more than a minute.
var ErrClock = stream.Mark(errors.New("the local clock differs from the service's"), stream.Fatal)

// Check implements [backup.Checker]. It proves that
//
//   - the settings are right and the bucket exists, in the client's region;
//   - the local clock is right, by the service's;
//   - the bucket can be listed, in the order of the keys' bytes;
//   - the bucket has Object Lock, if LockMode is set;
//   - the service refuses to replace an object, which [ErrUnconditional] denies.
//
// For the last it stores a small object at the key ".probe" after the prefix, unless there is one,
// and leaves it. It needs the rights of a writer, and s3:GetBucketObjectLockConfiguration with
// LockMode.
func (s *Store) Check(ctx context.Context) error {
	if s.invalid != nil {
		return s.invalid
	}
	before := time.Now()
	out, err := s.headBucket(ctx)
	switch s3fault.Status(err) {
	case http.StatusNotFound:
		return s.noBucket(err)
	case http.StatusForbidden:
		err = fmt.Errorf("%w: the right s3:ListBucket is needed", err)
	}
	if err != nil {
		return err
	}
	found := []error{checkClock(before, out)}
	for _, check := range []func(context.Context) error{s.checkList, s.checkLock, s.checkConditional} {
		found = append(found, check(ctx))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return errors.Join(found...)
}

// checkClock compares the service's time in a reply with the local one. The request was sent after
// before.
func checkClock(before time.Time, reply *s3.HeadBucketOutput) error {
	served, ok := awsmiddleware.GetServerTime(reply.ResultMetadata)
	if !ok {
		return nil
	}
	skew := max(before.Sub(served.Add(time.Second)), time.Until(served)) // a date has whole seconds
	if skew <= maxClockSkew {
		return nil
	}
	return fmt.Errorf("s3store: %w by %v: set the clock by NTP", ErrClock, skew.Round(time.Second))
}

// checkList lists two objects.
func (s *Store) checkList(ctx context.Context) error {
	some := stream.Via(s.List(""), stream.Take[backup.Object](2))
	_, err := stream.Run(ctx, some, sink.Discard[backup.Object]())
	return err
}

// checkLock returns an error if objects are to be protected and the bucket has no Object Lock.
func (s *Store) checkLock(ctx context.Context) error {
	if s.opts.LockMode == "" {
		return nil
	}
	out, err := request(ctx, s, "object lock", func(ctx context.Context, opts ...func(*s3.Options)) (
		*s3.GetObjectLockConfigurationOutput, error,
	) {
		return s.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &s.bucket}, opts...)
	})
	switch status := s3fault.Status(err); {
	case err == nil && out.ObjectLockConfiguration != nil &&
		out.ObjectLockConfiguration.ObjectLockEnabled == types.ObjectLockEnabledEnabled:
		return nil
	case err == nil, status == http.StatusNotFound, status == http.StatusNotImplemented:
		return stream.Mark(fmt.Errorf("s3store: %w: the bucket %s has no Object Lock: make one that has it, "+
			"or leave out LockMode", backup.ErrNoHold, s.bucket), stream.Fatal)
	case status == http.StatusForbidden:
		return fmt.Errorf("%w: the right s3:GetBucketObjectLockConfiguration is needed", err)
	}
	return err
}
