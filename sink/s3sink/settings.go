package s3sink

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/internal/s3wire"
	"github.com/millweir/millweir/stream"
)

// limits are the limits of the service
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
type limits struct {
	minPart, maxPart int64 // bytes
	maxParts         int
}

var s3Limits = limits{minPart: 5 << 20, maxPart: 5 << 30, maxParts: 10_000}

const (
	maxKey             = 1024 // bytes, https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
	defaultPartSize    = 8 << 20
	defaultParallelism = 4
	defaultAbort       = 30 * time.Second
	minRate            = 16 << 10 // bytes per second, for the time limit of a request
)

// settings are the checked parameters of an upload, with defaults filled in. They share nothing
// with the caller.
type settings struct {
	client      API
	bucket, key string
	opts        UploadOptions
	limits      limits
}

func newSettings(client API, bucket, key string, opts *UploadOptions) (*settings, error) {
	return newSettingsWithin(s3Limits, client, bucket, key, opts)
}

// invalid returns the fatal error of a bad parameter.
func invalid(format string, args ...any) (*settings, error) {
	return nil, stream.Mark(fmt.Errorf("s3sink: "+format, args...), stream.Fatal)
}

func newSettingsWithin(l limits, client API, bucket, key string, opts *UploadOptions) (*settings, error) {
	s := &settings{client: client, bucket: bucket, key: key, limits: l}
	if opts != nil {
		s.opts = *opts
		s.opts.Metadata = maps.Clone(opts.Metadata)
	}
	o := &s.opts
	o.PartSize = cmp.Or(o.PartSize, defaultPartSize)
	o.Parallelism = cmp.Or(o.Parallelism, defaultParallelism)
	o.ContentType = cmp.Or(o.ContentType, "application/octet-stream")
	o.AbortTimeout = cmp.Or(o.AbortTimeout, defaultAbort)
	o.RetryTimeout = cmp.Or(o.RetryTimeout, s3retry.DefaultTimeout)
	switch {
	case client == nil:
		return invalid("the client is nil")
	case bucket == "":
		return invalid("the bucket's name is empty")
	case key == "":
		return invalid("the object's key is empty")
	case len(key) > maxKey:
		return invalid("the object's key has %d bytes, want at most %d", len(key), maxKey)
	case !utf8.ValidString(key):
		return invalid("the object's key is not UTF-8")
	case o.PartSize < l.minPart || o.PartSize > l.maxPart || o.PartSize > math.MaxInt:
		return invalid("PartSize is %d bytes, want %d to %d", o.PartSize, l.minPart, l.maxPart)
	case o.Parallelism < 1 || o.Parallelism > l.maxParts:
		return invalid("Parallelism is %d, want 1 to %d", o.Parallelism, l.maxParts)
	case o.Checksum != ChecksumCRC64NVME && o.Checksum != ChecksumNone:
		return invalid("Checksum is %d, want ChecksumCRC64NVME or ChecksumNone", o.Checksum)
	case writeTokenIn(o.Metadata) != "":
		return invalid("Metadata has %q, which the upload sets itself", MetadataWriteToken)
	case o.RequestTimeout < 0 || o.AbortTimeout < 0:
		return invalid("a timeout is negative")
	case o.SSEKMSKeyID != "" && o.ServerSideEncryption != "aws:kms" && o.ServerSideEncryption != "aws:kms:dsse":
		return invalid("SSEKMSKeyID goes with ServerSideEncryption aws:kms, not %q", o.ServerSideEncryption)
	}
	return s, nil
}

// partSize returns the size of part n. The first half of the parts has PartSize. After that, the
// size doubles every twentieth of the parts.
func (s *settings) partSize(n int) int {
	size := s.opts.PartSize
	if s.opts.FixedParts {
		return int(size)
	}
	steady, step := s.limits.maxParts/2, max(s.limits.maxParts/20, 1)
	for over := n - steady; over > 0 && size < s.limits.maxPart; over -= step {
		size *= 2
	}
	return int(min(size, s.limits.maxPart, math.MaxInt))
}

// requestTimeout returns the time limit of one attempt of a request with n bytes.
func (s *settings) requestTimeout(n int) time.Duration {
	if s.opts.RequestTimeout > 0 {
		return s.opts.RequestTimeout
	}
	return time.Minute + time.Duration(n/minRate)*time.Second
}

// hasChecksum reports whether checksums are sent.
func (s *settings) hasChecksum() bool { return s.opts.Checksum == ChecksumCRC64NVME }

// sumHeader returns crc as a header value, or nil if no checksums are sent.
func (s *settings) sumHeader(crc uint64) *string {
	if !s.hasChecksum() {
		return nil
	}
	return aws.String(s3wire.CRC64NVME(crc))
}
