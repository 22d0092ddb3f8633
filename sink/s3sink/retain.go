package s3sink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/internal/s3wire"
	"github.com/millweir/millweir/stream"
)

// LockAPI is the part of *s3.Client that [Lock] uses.
type LockAPI interface {
	PutObjectRetention(context.Context, *s3.PutObjectRetentionInput, ...func(*s3.Options)) (
		*s3.PutObjectRetentionOutput, error)
	PutObjectLegalHold(context.Context, *s3.PutObjectLegalHoldInput, ...func(*s3.Options)) (
		*s3.PutObjectLegalHoldOutput, error)
}

// LegalHold is what [Lock] does to the legal hold of an object.
type LegalHold int

const (
	KeepHold LegalHold = iota // leave it as it is
	SetHold
	ClearHold
)

// LockOptions says what [Lock] changes. At least one of Until and Hold must be set.
type LockOptions struct {
	Mode  LockMode  // of the retention; goes with Until
	Until time.Time // the end of the retention; it can be moved back only in governance mode
	Hold  LegalHold // the zero value is KeepHold

	// BypassGovernance allows an earlier end in governance mode. It needs the right
	// s3:BypassGovernanceRetention.
	BypassGovernance bool

	// RetryTimeout limits how long a request is repeated after transient failures, after the
	// client's own retries. 0 means 5 minutes; a negative time means never.
	RetryTimeout time.Duration
	OnRetry      func(err error, wait time.Duration) // called before each wait; nil means no call
}

var (
	// ErrNoObjectLock reports a lock in a bucket without Object Lock, or by a service without it.
	ErrNoObjectLock = stream.Mark(errors.New("the bucket has no Object Lock"), stream.Fatal)

	// ErrNoObject reports a [Lock] of an object that does not exist.
	ErrNoObject = stream.Mark(errors.New("there is no such object"), stream.Fatal)
)

// Lock changes the retention and the legal hold of a version of an object that is stored already. A
// repetition is safe: it changes nothing more.
//
//   - Errors: [ErrNoObjectLock], [ErrNoObject]; AccessDenied, wrapped, if the retention would end
//     earlier than now and that is not allowed.
//   - Rights: s3:PutObjectRetention, s3:PutObjectLegalHold.
func Lock(ctx context.Context, client LockAPI, bucket string, id ObjectID, opts *LockOptions) error {
	o := LockOptions{}
	if opts != nil {
		o = *opts
	}
	o.RetryTimeout = cmp.Or(o.RetryTimeout, s3retry.DefaultTimeout)
	switch {
	case client == nil:
		return invalid("lock: the client is nil")
	case bucket == "" || id.Key == "":
		return invalid("lock: the bucket's name or the object's key is empty")
	case o.Until.IsZero() && o.Hold == KeepHold:
		return invalid("lock: neither Until nor Hold is set")
	case o.Hold < KeepHold || o.Hold > ClearHold:
		return invalid("lock: Hold is %d, want KeepHold, SetHold or ClearHold", o.Hold)
	}
	if err := checkLock(o.Mode, o.Until); err != nil {
		return err
	}
	l := locker{client, bucket, id, o, &s3retry.Policy{Timeout: o.RetryTimeout}}
	if !o.Until.IsZero() {
		if err := l.do(ctx, "retention", l.retain); err != nil {
			return err
		}
	}
	if o.Hold != KeepHold {
		return l.do(ctx, "legal hold", l.hold)
	}
	return nil
}

// locker is a checked [Lock].
type locker struct {
	client LockAPI
	bucket string
	id     ObjectID
	opts   LockOptions
	policy *s3retry.Policy
}

// do makes a request, and repeats it.
func (l *locker) do(ctx context.Context, what string, request func(context.Context, ...func(*s3.Options)) error) error {
	_, err := s3retry.Do(ctx, l.policy, l.opts.OnRetry, func() (struct{}, error) {
		return struct{}{}, s3fault.Mark(request(ctx, pendingTries().options, wantEmptyReply, l.reportRetries))
	})
	switch {
	case err == nil:
		l.policy.Answered()
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	switch s3fault.Code(err) {
	case "NoSuchKey", "NoSuchVersion", "MethodNotAllowed": // the last one is a delete marker's
		err = fmt.Errorf("%w: %w", ErrNoObject, err)
	default:
		if hasNoLock(err) {
			err = fmt.Errorf("%w: %w", ErrNoObjectLock, err)
		}
	}
	return fmt.Errorf("s3sink: lock: %s of %s/%s: %w", what, l.bucket, l.id.Key, err)
}

// hasNoLock reports whether the service says that the bucket, or the service itself, has no Object
// Lock.
func hasNoLock(err error) bool {
	switch s3fault.Code(err) {
	case "ObjectLockConfigurationNotFoundError", "NotImplemented":
		return true
	case "InvalidRequest", "InvalidBucketState":
		return strings.Contains(strings.ToLower(strings.ReplaceAll(err.Error(), " ", "")), "objectlock")
	}
	return false
}

func (l *locker) retain(ctx context.Context, options ...func(*s3.Options)) error {
	in := &s3.PutObjectRetentionInput{
		Bucket: &l.bucket, Key: &l.id.Key, VersionId: s3wire.NonEmpty(l.id.VersionID),
		Retention: &types.ObjectLockRetention{
			Mode: types.ObjectLockRetentionMode(l.opts.Mode), RetainUntilDate: &l.opts.Until,
		},
	}
	if l.opts.BypassGovernance {
		in.BypassGovernanceRetention = aws.Bool(true)
	}
	_, err := l.client.PutObjectRetention(ctx, in, append(options, withContentMD5)...)
	return err
}

func (l *locker) hold(ctx context.Context, options ...func(*s3.Options)) error {
	status := types.ObjectLockLegalHoldStatusOn
	if l.opts.Hold == ClearHold {
		status = types.ObjectLockLegalHoldStatusOff
	}
	_, err := l.client.PutObjectLegalHold(ctx, &s3.PutObjectLegalHoldInput{
		Bucket: &l.bucket, Key: &l.id.Key, VersionId: s3wire.NonEmpty(l.id.VersionID),
		LegalHold: &types.ObjectLockLegalHold{Status: status},
	}, append(options, withContentMD5)...)
	return err
}

// reportRetries reports the client's own retries to OnRetry.
func (l *locker) reportRetries(o *s3.Options) { o.Retryer = s3retry.Notify(o.Retryer, l.opts.OnRetry) }
