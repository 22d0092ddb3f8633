package s3sink

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millweir/millweir/internal/printable"
)

// sight is what a look at the key shows.
type sight int

const (
	unseen  sight = iota // nothing: no answer, or one that says nothing
	hidden               // nothing: the writer has no right to look
	absent               // no object
	other                // another object
	similar              // an object without any metadata that may have the sent bytes: another's, or ours on a service that keeps no metadata
	ours                 // the object of this run
	damaged              // an object with this run's token and other bytes
)

// lacks reports whether the object is certainly not at the key.
func (s sight) lacks() bool { return s == absent || s == other }

// sent is what an object must have to be the one of a run.
type sent struct {
	token string
	size  int64
	sum   string // CRC64NVME as S3 writes it
	etag  string // if the service computes ETags from MD5
}

// judge compares what was sent with the reply to a HEAD. mismatch says how they contradict each other, if they do.
func (s sent) judge(out *s3.HeadObjectOutput) (seen sight, mismatch error) {
	sum, known := fullSum(out)
	etag := aws.ToString(out.ETag)
	sameBytes := known && sum == s.sum || sameTag(etag, s.etag)
	switch {
	case out.ContentLength != nil && *out.ContentLength != s.size:
		mismatch = fmt.Errorf("%w: its size is %d, not %d", ErrMismatch, *out.ContentLength, s.size)
	case known && sum != s.sum:
		mismatch = fmt.Errorf("%w: its CRC64NVME is %s, not %s", ErrMismatch, printable.Text(sum), s.sum)
	}
	switch mine := tokenIn(out.Metadata) == s.token; {
	case mine && mismatch != nil:
		return damaged, mismatch
	case mismatch != nil:
		return other, mismatch
	case mine && (out.ContentLength != nil || sameBytes):
		return ours, nil
	case mine:
		return unseen, nil
	case len(out.Metadata) > 0:
		return other, nil
	case out.ContentLength != nil || sameBytes:
		return similar, nil
	}
	return unseen, nil
}

// fullSum returns the CRC64NVME of all bytes of an object, if the reply has one.
func fullSum(out *s3.HeadObjectOutput) (sum string, known bool) {
	sum = aws.ToString(out.ChecksumCRC64NVME)
	return sum, sum != "" && out.ChecksumType != types.ChecksumTypeComposite && !strings.Contains(sum, "-")
}

// sameTag compares ETags; there are services that leave out the quotes in some replies.
func sameTag(a, b string) bool {
	a, b = strings.Trim(a, `"`), strings.Trim(b, `"`)
	return a == b && a != ""
}
