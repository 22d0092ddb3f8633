package s3sink

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// confirm checks obj, which the service reported to be complete, with the checksum it gave for it. What the reply does not
// prove, a look at the object may still disprove. Another writer may have replaced it by then, or removed it: only what is surely obj
// is called damaged, and where the reply has the ETag that the parts make, another object at the key says nothing against it.
func (r *run) confirm(ctx context.Context, obj Object, sum *string) error {
	if r.checked() && aws.ToString(sum) != "" && !strings.Contains(*sum, "-") {
		if *sum != crcText(r.sum) {
			return r.mismatch("CRC64NVME", *sum, crcText(r.sum))
		}
		return nil
	}
	ctx, cancel := r.detached(ctx)
	defer cancel()
	out, err := r.head(ctx, obj.VersionID)
	if err != nil {
		if !notFound(err) || r.made(obj.ETag) { // a writer need not have the right to read
			return nil
		}
		return r.doubt("there is none")
	}
	var wrong error
	switch sum := aws.ToString(out.ChecksumCRC64NVME); {
	case out.ContentLength != nil && *out.ContentLength != r.total:
		wrong = r.mismatch("size", *out.ContentLength, r.total)
	case r.known(out) && sum != crcText(r.sum):
		wrong = r.mismatch("CRC64NVME", sum, crcText(r.sum))
	}
	switch {
	case wrong == nil, sameTag(aws.ToString(out.ETag), obj.ETag):
		return wrong
	case r.made(obj.ETag):
		return nil
	}
	return r.doubt("the key has another object")
}

// made tells whether etag is the one that the sent parts make: the service that gives it has put them together.
func (r *run) made(etag string) bool { return sameTag(etag, r.etag()) }

// sameTag compares ETags; there are services that leave out the quotes in some replies.
func sameTag(a, b string) bool {
	a, b = strings.Trim(a, `"`), strings.Trim(b, `"`)
	return a == b && a != ""
}

func (r *run) doubt(why string) error {
	return r.failed("complete multipart upload", fmt.Errorf("%w: the service says that it is, but %s", ErrOutcomeUnknown, why))
}

func (r *run) mismatch(what string, got, want any) error {
	return r.failed("upload", fmt.Errorf("%w: its %s is %v, not %v", ErrMismatch, what, got, want))
}
