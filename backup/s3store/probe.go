package s3store

import (
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// probeKey is the key of the object that [Store.Check] stores. It is no key of a store, so no list
// has it.
const probeKey = ".probe"

// checkPut returns an error if an object cannot be stored, is replaced, or cannot be read and
// listed at once.
func (s *Store) checkPut(ctx context.Context) error {
	if err := s.checkConditional(ctx); err != nil {
		return err
	}
	return s.checkRead(ctx)
}

// checkConditional returns an error if the service does not refuse to replace an object.
func (s *Store) checkConditional(ctx context.Context) error {
	upload := s.upload()
	err := s3sink.ProbeIfAbsent(ctx, s.client, s.bucket, s.prefix+probeKey, &upload)
	if errors.As(err, new(*s3sink.PendingError)) {
		return needs(err, "s3:AbortMultipartUpload")
	}
	if errors.Is(err, s3sink.ErrIgnoresIfNoneMatch) {
		return fmt.Errorf("s3store: %w: %w", backup.ErrUnfit, err)
	}
	return needs(err, "s3:PutObject")
}

// checkRead returns an error if the object of [Store.checkConditional] cannot be read, or is not
// listed.
func (s *Store) checkRead(ctx context.Context) error {
	download := s.download()
	key := s.prefix + probeKey
	if _, err := stream.Run(ctx, s3source.Download(s.client, s.bucket, key, &download),
		sink.Discard[[]byte]()); err != nil {
		return needs(err, "s3:GetObject")
	}
	first := stream.Via(s3source.List(s.client, s.bucket, key, &s3source.ListOptions{
		PageSize: 1, RetryTimeout: s.opts.RetryTimeout, OnRetry: s.opts.OnRetry,
	}), stream.Take[s3source.Entry](1))
	listed, err := stream.Run(stream.WithoutDrain(ctx), first, sink.Slice[s3source.Entry]())
	if err == nil && (len(listed) == 0 || listed[0].Key != key) {
		err = fmt.Errorf("s3store: %w: it does not list an object that it has stored", backup.ErrUnfit)
	}
	return needs(err, "s3:ListBucket")
}
