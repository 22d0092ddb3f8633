package s3sink

import (
	"cmp"
	"maps"
	"time"

	"github.com/millweir/millweir/internal/s3key"
	"github.com/millweir/millweir/internal/s3retry"
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
	defaultPartSize    = 8 << 20
	defaultParallelism = 4
	defaultStall       = time.Minute
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
	sizes       schedule
	reserved    int64 // bytes of a part for which a budget always has memory

	customerKey s3key.Key // in place of opts.CustomerKey

	explicitParallelism bool // the caller has set Parallelism
}

func newSettings(client API, bucket, key string, opts *UploadOptions) (*settings, error) {
	return newSettingsWithin(s3Limits, client, bucket, key, opts)
}

func newSettingsWithin(l limits, client API, bucket, key string, opts *UploadOptions) (*settings, error) {
	s := &settings{client: client, bucket: bucket, key: key, limits: l}
	if opts != nil {
		s.opts = *opts
		s.opts.Metadata = maps.Clone(opts.Metadata)
		if opts.Resume != nil {
			resume := *opts.Resume
			s.opts.Resume = &resume
		}
	}
	o := &s.opts
	o.PartSize = cmp.Or(o.PartSize, defaultPartSize)
	s.limits.maxParts = cmp.Or(o.MaxParts, l.maxParts)
	s.explicitParallelism = o.Parallelism > 0
	o.Parallelism = cmp.Or(o.Parallelism, defaultParallelism)
	o.ContentType = cmp.Or(o.ContentType, "application/octet-stream")
	o.StallTimeout = cmp.Or(o.StallTimeout, defaultStall)
	o.AbortTimeout = cmp.Or(o.AbortTimeout, defaultAbort)
	o.RetryTimeout = cmp.Or(o.RetryTimeout, s3retry.DefaultTimeout)
	if err := s.check(); err != nil {
		return nil, err
	}
	s.sizes = newSchedule(s)
	_, largest := s.sizes.capacity(o.MaxSize)
	s.reserved = max(s.sizes.base, largest)
	return s, s.checkSchedule()
}

// need returns what an upload needs of a memory budget: one part, as large as a stream of MaxSize
// bytes needs, and at most what the user has asked for.
func (s *settings) need() stream.Need {
	need := stream.Need{Stage: "s3sink.Upload", Min: s.reserved}
	if s.explicitParallelism {
		need.Requested = max(s.reserved, s.sizes.base*int64(s.opts.Parallelism))
	}
	return need
}

// requestTimeout returns the time limit of one attempt of a request with n bytes.
func (s *settings) requestTimeout(n int) time.Duration {
	return s.opts.StallTimeout + time.Duration(n/minRate)*time.Second
}
