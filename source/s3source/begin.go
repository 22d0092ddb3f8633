package s3source

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

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

// chooseTarget returns the checksum to compare, and prepares the verifier. Without a checksum the
// target has the reason.
func (r *run) chooseTarget(ctx context.Context) (target, error) {
	all := r.opts.Offset == 0 && (r.opts.Length == 0 || r.opts.Length == r.object.Size)
	t := bestTarget(&r.object)
	switch {
	case r.opts.Verify == VerifyLength:
		return withoutTarget("Verify is VerifyLength"), nil
	case !all:
		return withoutTarget("the checksums are of the whole object, and only a range is read"), nil
	case t.Algorithm == "":
		if r.withoutMode {
			t.Reason += "; the service rejects a request for checksums"
		}
		return t, nil
	}
	v := &verifier{target: t, sum: t.new()}
	if t.Parts > 0 {
		sizes := &partSizes{object: &r.object, count: t.Parts, head: func(part int) (*s3.HeadObjectOutput, error) {
			return s3retry.Do(ctx, r.policy, r.opts.OnRetry, func() (*s3.HeadObjectOutput, error) {
				return r.head(ctx, aws.Int32(int32(part)))
			})
		}}
		err := sizes.find()
		switch {
		case errors.Is(err, ErrObjectChanged), errors.Is(err, ErrNotFound), r.policy.Transient(err), ctx.Err() != nil:
			return t, err
		case err != nil:
			return withoutTarget(errNoSizes.Error()), nil
		}
		v.size, v.confirm = sizes.size, sizes.confirm
	}
	r.verifier = v
	return t, nil
}

func withoutTarget(reason string) target { return target{Verification: Verification{Reason: reason}} }
