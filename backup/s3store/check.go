package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

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
//   - the bucket can be listed, and the first two keys are in the order of their bytes; each later
//     list compares all of its keys;
//   - the bucket has Object Lock, if LockMode is set;
//   - the service refuses to replace an object, by [s3sink.ProbeIfAbsent];
//   - that object can be read, and is listed.
//
// For the last two it stores a small object at the key ".probe" after the prefix, unless there is
// one, and leaves it. It needs the rights of a writer, and s3:GetBucketObjectLockConfiguration with
// LockMode.
func (s *Store) Check(ctx context.Context) error {
	if s.invalid != nil {
		return s.invalid
	}
	before := time.Now()
	served, err := s.checkBucket(ctx)
	if err != nil {
		return err
	}
	found := []error{checkClock(before, served)}
	for _, check := range []func(context.Context) error{s.checkList, s.checkLock, s.checkPut} {
		found = append(found, check(ctx))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return errors.Join(found...)
}

// checkBucket returns the service's time, or an error if there is no such bucket.
func (s *Store) checkBucket(ctx context.Context) (served time.Time, _ error) {
	out, err := s.headBucket(ctx)
	switch s3fault.Status(err) {
	case http.StatusNotFound:
		return served, s.noBucket(err)
	case http.StatusForbidden: // so it is for a user who may list only some prefixes
	default:
		if err != nil {
			return served, err
		}
	}
	return serverTime(out, err), nil
}

// serverTime returns the service's time in a reply or in an error, or the zero time.
func serverTime(reply *s3.HeadBucketOutput, err error) time.Time {
	var refused *smithyhttp.ResponseError
	if errors.As(err, &refused) {
		t, _ := http.ParseTime(refused.Response.Header.Get("Date"))
		return t
	}
	t, _ := awsmiddleware.GetServerTime(reply.ResultMetadata)
	return t
}

// checkClock compares the service's time with the local one. The request was sent after before.
func checkClock(before, served time.Time) error {
	if served.IsZero() {
		return nil
	}
	skew := max(before.Sub(served.Add(time.Second)), time.Until(served)) // a date has whole seconds
	if skew <= maxClockSkew {
		return nil
	}
	return fmt.Errorf("s3store: %w by %v: set the clock by NTP", ErrClock, skew.Round(time.Second))
}

// checkList lists two objects, and so compares their keys.
func (s *Store) checkList(ctx context.Context) error {
	some := stream.Via(s.List(""), stream.Take[backup.Object](2))
	_, err := stream.Run(ctx, some, sink.Discard[backup.Object]())
	if errors.Is(err, backup.ErrListOrder) {
		return fmt.Errorf("%w: %w", backup.ErrUnfit, err)
	}
	return needs(err, "s3:ListBucket")
}

// checkLock returns an error if objects are to be protected and the bucket has no Object Lock.
func (s *Store) checkLock(ctx context.Context) error {
	if s.opts.LockMode == "" {
		return nil
	}
	return s.hasLock(ctx)
}
