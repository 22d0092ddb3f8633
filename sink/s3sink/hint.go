package s3sink

import (
	"fmt"
	"strings"

	"github.com/millweir/millweir/internal/s3fault"
)

// withHint adds to err, of a request, which option helps, if one does.
func (q *requests) withHint(err error) error {
	text := strings.ToLower(err.Error())
	switch a := q.algorithm(); {
	case strings.Contains(text, "server gave http response to https client"):
		return fmt.Errorf("%w (the endpoint speaks http, not https)", err)
	case q.locks() && hasNoLock(err):
		return fmt.Errorf("%w: %w", ErrNoObjectLock, err)
	case strings.Contains(text, "kms") || strings.Contains(text, "encryption"):
		return err
	case a.sent() && refusesChecksum(err):
		return fmt.Errorf("%w (a service that does not know %s needs Checksum: s3sink.ChecksumMD5 or ChecksumNone)",
			err, a.name)
	}
	return err
}

// withPartHint adds to err, of a CompleteMultipartUpload, that parts of one size may help.
func (r *run) withPartHint(err error) error {
	last := r.upload.parts.acked[len(r.upload.parts.acked)-1]
	grown := r.sizes.size(last.n) > r.sizes.size(1)
	if s3fault.Code(err) != "InvalidPart" || !grown {
		return err
	}
	return fmt.Errorf("%w (a service that wants parts of one size, as Cloudflare R2, needs FixedParts)", err)
}
