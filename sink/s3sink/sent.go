package s3sink

import (
	"crypto/md5" //nolint:gosec // S3's ETag of a plain object is its MD5
	"encoding/hex"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/millweir/millweir/internal/s3wire"
)

// sent describes the object that a run has sent.
type sent struct {
	*settings
	token string // the write token in its metadata
	size  int64  // bytes
	parts int    // 0 for a PutObject
	sum   string // CRC64NVME as S3 writes it
	// etag is the ETag if the service computes it from MD5, or "". Services do, except a few and
	// with encryption by KMS or a customer's key.
	etag string
}

// sent returns what the run has sent.
func (r *run) sent() sent {
	s := sent{
		settings: r.settings, token: r.token,
		size: r.cutter.total, parts: r.cutter.count, sum: s3wire.CRC64NVME(r.cutter.sum()),
	}
	if r.upload != nil {
		s.etag = etagOfParts(r.upload.parts.completed)
	} else {
		s.etag = etagOf(&r.cutter.part.body)
	}
	return s
}

// etagOf returns the ETag that S3 gives an object of one request.
func etagOf(body *slabs) string {
	h := md5.New() //nolint:gosec // see the import
	for _, slab := range body.full {
		h.Write(slab)
	}
	return `"` + hex.EncodeToString(h.Sum(nil)) + `"`
}

// object returns the result of the run. It omits a version id that is not valid.
func (s *sent) object(etag, version *string) Object {
	if !isName(version) {
		version = nil
	}
	obj := Object{
		Bucket:    s.bucket,
		Key:       s.key,
		ETag:      aws.ToString(etag),
		VersionID: aws.ToString(version),
		Size:      s.size,
		Parts:     s.parts,
	}
	if s.hasChecksum() {
		obj.Checksum = s.sum
	}
	return obj
}
