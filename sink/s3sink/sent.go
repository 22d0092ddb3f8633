package s3sink

import (
	"encoding/hex"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// sent describes the object that a run has sent.
type sent struct {
	*settings
	token     string // the write token in its metadata
	size      int64  // bytes
	parts     int    // 0 for a PutObject
	algorithm *algorithm
	sum       string // as S3 writes it; "" if there is none
	verified  string // the checksum that the service has confirmed for the parts; "" for none
	// etag is the ETag if the service computes it from MD5, or "". Services do, except a few and
	// with encryption by KMS or a customer's key.
	etag    string
	withMD5 bool // the service has compared the MD5 of the body of a PutObject
}

// sent returns what the run has sent.
func (r *run) sent() sent {
	s := sent{
		settings: r.settings, token: r.token,
		size: r.cutter.total, parts: r.cutter.count, algorithm: r.algorithm(),
	}
	if r.upload == nil {
		body := &r.cutter.part.body
		s.sum, s.etag = encode(s.algorithm.of(body)), etagOf(body)
		return s
	}
	list := &r.upload.parts
	s.sum, s.etag, s.verified = s.algorithm.ofParts(list.acked), etagOfParts(list.acked), list.verified()
	return s
}

// etagOf returns the ETag that S3 gives an object of one request.
func etagOf(body *slabs) string {
	return `"` + hex.EncodeToString(md5Of(body)) + `"`
}

// object returns the result of the run. It omits a version id that is not valid.
func (s *sent) object(etag, version *string) Object {
	if !isName(version) {
		version = nil
	}
	return Object{
		Bucket:    s.bucket,
		Key:       s.key,
		ETag:      aws.ToString(etag),
		VersionID: aws.ToString(version),
		Size:      s.size,
		Parts:     s.parts,
		Checksum:  s.sum,
		Verified:  s.verified,
	}
}

// doubtful reports whether the object of a PutObject may be damaged, by its ETag: the service has
// not compared the MD5 of the body, and the ETag looks like another MD5.
func (s *sent) doubtful(etag string) bool {
	return s.parts == 0 && !s.withMD5 && looksLikeMD5(etag) && !sameETag(etag, s.etag)
}
