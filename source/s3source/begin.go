package s3source

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3reply"
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
	r.progress() // the requests for the bytes have all retries, whatever the HEADs took
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
		if err := r.headForChecksums(ctx); err != nil {
			return withoutTarget("the service does not state the object's checksums"), r.unanswered(ctx, err)
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
		if err := sizes.find(); err != nil {
			return withoutTarget(errNoSizes.Error()), r.unanswered(ctx, err)
		}
		v.size, v.confirm, v.asksEach = sizes.size, sizes.confirm, !sizes.known()
	}
	r.verifier = v
	return t, nil
}

// unanswered returns the error of the attempt after a question about the object failed with err, or
// nil if the run goes on without the answer. A proxy may send bad replies for a while, so the run asks
// again as long as it repeats requests.
func (r *run) unanswered(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil, errors.Is(err, ErrObjectChanged), errors.Is(err, ErrNotFound), r.policy.Transient(err):
		return err
	case errors.Is(err, ErrBadReply):
		if wait, ok := r.pause(err); ok {
			return pausing{err, wait}
		}
	}
	return nil
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

// partSizes returns the sizes of the object's parts, which are not known yet.
func (r *run) partSizes(ctx context.Context, count int) *partSizes {
	return &partSizes{
		object: &r.object, count: count, askFirst: r.nameless,
		head: func(part int) (*s3.HeadObjectOutput, error) { return r.head(ctx, aws.Int32(int32(part))) },
		repeating: func() headPart {
			loop := r.policy.Loop()
			return func(part int) (*s3.HeadObjectOutput, error) { return r.repeatedHead(ctx, int32(part), loop) }
		},
	}
}

func withoutTarget(reason string) target { return target{Verification: Verification{Reason: reason}} }
