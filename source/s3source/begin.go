package s3source

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/internal/s3retry"
)

// begin chooses what the bytes are compared with, and calls OnObject. It acts once, before the
// first byte.
func (r *run) begin(ctx context.Context) error {
	switch {
	case r.headOnly:
		r.object.Verification = bestTarget(&r.object).Verification
		return nil
	case r.begun:
		return nil
	}
	t, err := r.chooseTarget(ctx)
	if err != nil {
		return err
	}
	if t.Algorithm == "" && r.opts.Verify == VerifyRequired {
		return fatal{fmt.Errorf("%w: %s", ErrNotVerifiable, t.Reason)}
	}
	r.begun = true
	r.object.Verification = t.Verification
	if r.opts.OnObject != nil {
		r.down = r.opts.OnObject(r.object)
	}
	return r.down
}

// verifies reports whether the run compares more than the length.
func (r *run) verifies() bool {
	all := r.opts.Offset == 0 && (r.opts.Length == 0 || r.opts.Length == r.object.Size)
	return all && r.opts.Verify != VerifyLength
}

// asksMore reports whether begin sends requests about the described object.
func (r *run) asksMore() bool {
	return r.verifies() && (!r.askedForChecksums || bestTarget(&r.object).Parts > 0)
}

// chooseTarget returns the checksum to compare, and prepares the verifier. Without a checksum the
// target has the reason.
func (r *run) chooseTarget(ctx context.Context) (target, error) {
	switch {
	case r.opts.Verify == VerifyLength:
		return withoutTarget("Verify is VerifyLength"), nil
	case !r.verifies():
		return withoutTarget("the checksums are of the whole object, and only a range is read"), nil
	}
	if !r.askedForChecksums {
		err := r.headForChecksums(ctx)
		switch {
		case r.endsRun(ctx, err):
			return target{}, err
		case err != nil:
			return withoutTarget("the service does not state the object's checksums"), nil
		}
	}
	t := bestTarget(&r.object)
	if t.Algorithm == "" {
		if r.withoutMode {
			t.Reason += "; the service rejects a request for checksums"
		}
		return t, nil
	}
	v := &verifier{target: t, sum: t.new()}
	if t.Parts > 0 {
		sizes := r.partSizes(ctx, t.Parts)
		err := sizes.find()
		switch {
		case r.endsRun(ctx, err):
			return t, err
		case err != nil:
			return withoutTarget(errNoSizes.Error()), nil
		}
		v.size, v.confirm, v.asksEach = sizes.size, sizes.confirm, !sizes.known()
	}
	r.verifier = v
	return t, nil
}

// endsRun reports whether err, of a question about the object, ends the run or leads to another
// attempt. After any other error the run goes on without the answer, and so it does if the service
// keeps giving a bad reply: a proxy that answers in its place does so for a while only.
func (r *run) endsRun(ctx context.Context, err error) bool {
	mayPass := errors.Is(err, ErrBadReply) && r.badReplies < maxBadReplies && r.opts.RetryTimeout > 0
	return err != nil && ctx.Err() != nil || errors.Is(err, ErrObjectChanged) || errors.Is(err, ErrNotFound) ||
		mayPass || r.policy.Transient(err)
}

// headForChecksums adds its checksums to an object that a reply for a range has described.
func (r *run) headForChecksums(ctx context.Context) error {
	out, err := r.headWithChecksums(ctx)
	switch {
	case err != nil:
		return err
	case aws.ToInt64(out.ContentLength) != r.object.Size:
		return fmt.Errorf("%w: replies give the object's length as %d and %d bytes",
			ErrBadReply, r.object.Size, aws.ToInt64(out.ContentLength))
	}
	r.object, r.askedForChecksums = objectOf(r.key, out), true
	if r.etag == "" && s3reply.IsName(r.object.ETag) {
		r.etag = r.object.ETag
	}
	return nil
}

// partSizes returns the sizes of the object's parts, which are not known yet. repeatedHead is for a
// request after others, or after the first byte: the run cannot go back.
func (r *run) partSizes(ctx context.Context, count int) *partSizes {
	head := func(part int) (*s3.HeadObjectOutput, error) { return r.head(ctx, aws.Int32(int32(part))) }
	return &partSizes{
		object: &r.object, count: count, askFirst: r.nameless, head: head,
		repeatedHead: func(part int) (*s3.HeadObjectOutput, error) {
			return s3retry.Do(ctx, r.policy, r.onRetry(), func() (*s3.HeadObjectOutput, error) { return head(part) })
		},
	}
}

func withoutTarget(reason string) target { return target{Verification: Verification{Reason: reason}} }
