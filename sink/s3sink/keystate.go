package s3sink

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/printable"
)

// keyState is the state of the key that a HEAD shows.
type keyState int

const (
	keyUnknown   keyState = iota // no reply, or a reply that does not show the state
	keyForbidden                 // the writer has no right to read
	keyEmpty                     // no object
	keyOther                     // another object
	keySameBytes                 // an object that may have the sent bytes, without any metadata
	keyOurs                      // this run's object
	keyDamaged                   // an object with this run's token, but other bytes
)

// withoutOurs reports whether this run's object is certainly not at the key.
func (s keyState) withoutOurs() bool { return s == keyEmpty || s == keyOther }

// knows reports whether the checksum in the reply to a HEAD can be compared with that of the sent
// object.
func (s *sent) knows(out *s3.HeadObjectOutput) bool {
	return comparable(s.algorithm.in(sumsOfHead(out)), s.sum) &&
		(out.ChecksumType == "" || out.ChecksumType == s.algorithm.kind() || s.parts == 0)
}

// sameBytes reports whether the reply to a HEAD proves that the object has the sent bytes.
func (s *sent) sameBytes(out *s3.HeadObjectOutput) bool {
	return s.knows(out) && s.algorithm.in(sumsOfHead(out)) == s.sum || sameETag(aws.ToString(out.ETag), s.etag)
}

// compare compares the sent object with the reply to a HEAD. mismatch describes a difference in
// size, checksum or MD5.
func (s *sent) compare(out *s3.HeadObjectOutput) (seen keyState, mismatch error) {
	sum, known := s.algorithm.in(sumsOfHead(out)), s.knows(out)
	etag, sameBytes := aws.ToString(out.ETag), s.sameBytes(out)
	switch {
	case out.ContentLength != nil && *out.ContentLength != s.size:
		mismatch = fmt.Errorf("%w: its size is %d, not %d", ErrMismatch, *out.ContentLength, s.size)
	case known && sum != s.sum:
		mismatch = s.wrongSum(sum)
	}
	switch mine := writeTokenIn(out.Metadata) == s.token; {
	case mine && mismatch != nil:
		return keyDamaged, mismatch
	case mismatch != nil:
		return keyOther, mismatch
	case mine && !sameBytes && s.doubtful(etag) && !strings.HasPrefix(string(out.ServerSideEncryption), "aws:kms"):
		return keyDamaged, fmt.Errorf("%w: its ETag is %s, not %s", ErrMismatch, printable.Text(etag), s.etag)
	case mine && (out.ContentLength != nil || sameBytes):
		return keyOurs, nil
	case mine:
		return keyUnknown, nil
	case len(out.Metadata) > 0:
		return keyOther, nil
	case out.ContentLength != nil || sameBytes:
		return keySameBytes, nil
	}
	return keyUnknown, nil
}

// wrongSum returns the error of an object with the checksum got.
func (s *sent) wrongSum(got string) error {
	return fmt.Errorf("%w: its %s is %s, not %s", ErrMismatch, s.algorithm.name, printable.Text(got), s.sum)
}

// comparable reports whether both checksums are of a whole object, or both of its parts' checksums.
func comparable(a, b string) bool {
	return a != "" && b != "" && strings.Contains(a, "-") == strings.Contains(b, "-")
}

// sameETag compares ETags. Some services omit the quotes in some replies.
func sameETag(a, b string) bool {
	a, b = strings.Trim(a, `"`), strings.Trim(b, `"`)
	return a == b && a != ""
}
