package s3sink

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/stream"
)

// LockMode says who may shorten the retention of an object
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html).
type LockMode string

const (
	Governance LockMode = "GOVERNANCE" // who has the right s3:BypassGovernanceRetention
	Compliance LockMode = "COMPLIANCE" // nobody
)

// ErrNotLocked reports an upload with LockUntil or LegalHold whose object is stored, but not known
// to be locked: the service ignores Object Lock, or a HEAD may not see it. The HEAD needs the rights
// s3:GetObjectRetention and s3:GetObjectLegalHold.
var ErrNotLocked = stream.Mark(errors.New("the object is stored, but the service does not confirm its lock"),
	stream.Fatal)

// locks reports whether the upload locks its object.
func (s *settings) locks() bool { return !s.opts.LockUntil.IsZero() || s.opts.LegalHold }

// checkLock returns an error if the lock's settings contradict each other or the clock.
func (s *settings) checkLock() error { return checkLock(s.opts.LockMode, s.opts.LockUntil) }

func checkLock(mode LockMode, until time.Time) error {
	switch {
	case mode != "" && mode != Governance && mode != Compliance:
		return invalid("LockMode is %q, want Governance or Compliance", mode)
	case (mode == "") != until.IsZero():
		return invalid("LockMode and LockUntil go together: one of them is missing")
	case !until.IsZero() && !until.After(time.Now()):
		return invalid("LockUntil is %v, which has passed", until)
	}
	return nil
}

// setLock adds the lock to the headers of the object.
func (s *settings) setLock(in *s3.CreateMultipartUploadInput) {
	if until := s.opts.LockUntil; !until.IsZero() {
		in.ObjectLockMode = types.ObjectLockMode(s.opts.LockMode)
		in.ObjectLockRetainUntilDate = &until
	}
	if s.opts.LegalHold {
		in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn
	}
}

// confirmLock returns an error if the upload locks its object and a HEAD of the stored object does
// not show the lock.
func (r *run) confirmLock(ctx context.Context, object Object) error {
	if !r.locks() {
		return nil
	}
	sctx, cancel := r.settleContext(ctx)
	defer cancel()
	out, err := s3retry.Do(sctx, &r.settling, r.named("head"), func() (*s3.HeadObjectOutput, error) {
		return r.headStored(sctx, object)
	})
	if err != nil {
		return r.failed("upload", fmt.Errorf("%w: %w", ErrNotLocked, r.failed("head", err)))
	}
	if until := r.opts.LockUntil; !until.IsZero() &&
		(out.ObjectLockMode != types.ObjectLockMode(r.opts.LockMode) ||
			aws.ToTime(out.ObjectLockRetainUntilDate).Before(until.Truncate(time.Second))) {
		return r.failed("upload", fmt.Errorf("%w: its retention is %q until %v", ErrNotLocked,
			string(out.ObjectLockMode),
			aws.ToTime(out.ObjectLockRetainUntilDate)))
	}
	if r.opts.LegalHold && out.ObjectLockLegalHoldStatus != types.ObjectLockLegalHoldStatusOn {
		return r.failed("upload", fmt.Errorf("%w: it has no legal hold", ErrNotLocked))
	}
	return nil
}

// headStored sends a HEAD of the stored object. To read a version needs a separate right, so
// without it the current object is looked at, if that is the stored one.
func (r *run) headStored(ctx context.Context, object Object) (*s3.HeadObjectOutput, error) {
	out, err := r.head(ctx, object.VersionID)
	if s3fault.Status(err) != http.StatusForbidden || object.VersionID == "" {
		return out, err
	}
	current, err2 := r.head(ctx, "")
	if err2 != nil || aws.ToString(current.VersionId) != object.VersionID || writeTokenIn(current.Metadata) != r.token {
		return out, err
	}
	return current, nil
}
