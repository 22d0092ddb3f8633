package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// Get implements [backup.Store] by [s3source.Download]: its memory, goroutines and errors.
func (s *Store) Get(key string, opts *backup.GetOptions) stream.Source[[]byte] {
	download := s.download()
	if opts != nil {
		download.Offset, download.Length = opts.Offset, opts.Length
	}
	return lend.Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
		if err := s.check(key); err != nil {
			return err
		}
		src := s3source.Download(s.client, s.bucket, s.prefix+key, &download)
		var stopped error // the downstream's error, which is returned unchanged
		take := func(p []byte) error {
			stopped = emit(p)
			return stopped
		}
		var err error
		if lent {
			err = stream.EachLent(ctx, src, take)
		} else {
			err = src.Each(ctx, take)
		}
		if err != nil && stopped == nil {
			return s.missing(ctx, "get", key, err)
		}
		return err
	})
}

// missing returns [backup.ErrNotFound] if the object is missing, otherwise err, the error of a
// request for it. To a user who may list only some prefixes, Amazon S3 says 403 for a missing
// object. Then a list decides.
func (s *Store) missing(ctx context.Context, operation, key string, err error) error {
	switch {
	case errors.Is(err, s3source.ErrNotFound):
		return s.notFound(ctx, operation, key, err)
	case s3fault.Status(err) != http.StatusForbidden:
		return err
	}
	first := stream.Via(s.List(key), stream.Take[backup.Object](1))
	found, look := stream.Run(ctx, first, sink.Slice[backup.Object]())
	if look == nil && (len(found) == 0 || found[0].Key != key) {
		return failed(operation, key, backup.ErrNotFound)
	}
	return err
}

// head returns what the service says about an object.
func (s *Store) head(ctx context.Context, key string) (s3source.Object, error) {
	return s.headVersion(ctx, key, "")
}

func (s *Store) headVersion(ctx context.Context, key, version string) (s3source.Object, error) {
	return s3source.Head(ctx, s.client, s.bucket, s.prefix+key, &s3source.HeadOptions{
		VersionID: version, CustomerKey: s.customerKey(),
		RetryTimeout: s.opts.Download.RetryTimeout, OnRetry: s.opts.Download.OnRetry,
	})
}

// notFound returns the error for an object that the service does not find: the bucket itself may be
// missing. The reply to a HEAD does not say which.
func (s *Store) notFound(ctx context.Context, operation, key string, err error) error {
	switch s3fault.Code(err) {
	case "NoSuchKey":
		return failed(operation, key, backup.ErrNotFound)
	case "NoSuchBucket":
		return s.noBucket(err)
	}
	switch _, err := s.headBucket(ctx); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case s3fault.Status(err) == http.StatusNotFound:
		return s.noBucket(err)
	case s3fault.Transient(err):
		return err
	}
	return failed(operation, key, backup.ErrNotFound)
}

func (s *Store) headBucket(ctx context.Context) (*s3.HeadBucketOutput, error) {
	return request(ctx, s, "head", func(ctx context.Context, opts ...func(*s3.Options)) (*s3.HeadBucketOutput, error) {
		return s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket}, opts...)
	})
}

// noBucket returns the error for a bucket that does not exist.
func (s *Store) noBucket(err error) error {
	return stream.Mark(fmt.Errorf("s3store: the bucket %s does not exist: create it, or correct its name: %w",
		s.bucket, err), stream.Fatal)
}
