package blobstore

import (
	"context"

	"gocloud.dev/gcerrors"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// deletions is the number of requests at a time: the services delete one object a request.
const deletions = 8

// Delete implements [backup.Store]. It has eight goroutines, with a request each.
func (s *Store) Delete() stream.Sink[string, int64] {
	return stream.SinkFunc[string, int64](func(ctx context.Context, src stream.Source[string]) (given int64, _ error) {
		if s.invalid != nil {
			return 0, s.invalid
		}
		counted := stream.SourceFunc[string](func(ctx context.Context, emit func(string) error) error {
			return src.Each(ctx, func(key string) error {
				given++
				return emit(key)
			})
		})
		_, err := sink.ForEachParallel(deletions, s.delete).Consume(ctx, counted)
		return given, err
	})
}

// delete deletes one object. A missing one is no error.
func (s *Store) delete(ctx context.Context, key string) error {
	if err := backup.CheckKey(key); err != nil {
		return err
	}
	err := s.bucket.Delete(ctx, key)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case gcerrors.Code(err) == gcerrors.NotFound:
		if err = s.notFound(ctx, key, err); err == backup.ErrNotFound { //nolint:errorlint // as notFound returns it
			return nil
		}
	}
	return failed("delete", key, err)
}
