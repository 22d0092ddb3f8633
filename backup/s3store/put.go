package s3store

import (
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/upstream"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// Put implements [backup.Store] by [s3sink.Upload]: its memory, goroutines and errors. With
// RetainUntil, [s3sink.ErrNotLocked] has the class UnknownOutcome: the object is stored, but the
// service does not show that it is protected.
func (s *Store) Put(key string, opts *backup.PutOptions) stream.Sink[[]byte, backup.Object] {
	upload := s.upload()
	if opts != nil && !opts.RetainUntil.IsZero() {
		upload.LockMode, upload.LockUntil = s.lockMode(), roundUp(opts.RetainUntil)
	}
	return stream.SinkFunc[[]byte, backup.Object](
		func(ctx context.Context, src stream.Source[[]byte]) (none backup.Object, _ error) {
			if err := s.check(key); err != nil {
				return none, err
			}
			if !upload.LockUntil.IsZero() {
				// Some services ignore a lock. Otherwise the upload finds out what is wrong.
				if err := s.hasLock(ctx); errors.Is(err, backup.ErrNoHold) {
					return none, err
				}
			}
			watched := upstream.Watch(src)
			object, err := s3sink.Upload(s.client, s.bucket, s.prefix+key, &upload).Consume(ctx, watched)
			switch {
			case watched.Err != nil:
				return none, err
			case err != nil:
				return none, s.putError(ctx, key, err)
			}
			return backup.Object{Key: key, Size: object.Size}, nil
		})
}

// putError returns the error of a Put for the error of its upload.
func (s *Store) putError(ctx context.Context, key string, err error) error {
	switch {
	case errors.Is(err, s3sink.ErrExists):
		return exists(key, err)
	case errors.Is(err, s3sink.ErrConflict):
		// Another request for the key was in progress. If it has stored an object, this is no error
		// that passes.
		if _, e := s.head(ctx, key); e == nil {
			return exists(key, err)
		}
	case errors.Is(err, s3sink.ErrNoObjectLock):
		return failed("put", key, fmt.Errorf("%w: %w", backup.ErrNoHold, err))
	case errors.Is(err, s3sink.ErrNotLocked):
		return stream.Mark(fmt.Errorf("%w: to see it, the rights s3:GetObject, s3:GetObjectVersion and "+
			"s3:GetObjectRetention are needed", err), stream.UnknownOutcome)
	}
	return err
}

// exists returns [backup.ErrExists], with err if it names an upload that is left.
func exists(key string, err error) error {
	if errors.As(err, new(*s3sink.PendingError)) {
		return failed("put", key, fmt.Errorf("%w: %w", backup.ErrExists, err))
	}
	return failed("put", key, backup.ErrExists)
}
