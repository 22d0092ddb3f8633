package dirstore

import (
	"context"
	"errors"
	"io/fs"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/upstream"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// Put implements [backup.Store].
func (s *Store) Put(key string, opts *backup.PutOptions) stream.Sink[[]byte, backup.Object] {
	o := backup.PutOptions{}
	if opts != nil {
		o = *opts
	}
	return stream.SinkFunc[[]byte, backup.Object](
		func(ctx context.Context, src stream.Source[[]byte]) (none backup.Object, _ error) {
			name, err := s.name(key)
			switch {
			case err != nil:
				return none, err
			case !o.RetainUntil.IsZero():
				return none, failed("put", key, backup.ErrNoHold)
			}
			watched := upstream.Watch(src)
			n, err := s.put(ctx, key, watched, sink.File(name, &sink.FileOptions{IfAbsent: true, Perm: 0o600}))
			switch {
			case watched.Err != nil:
				return none, err
			case errors.Is(err, sink.ErrExists):
				return none, failed("put", key, backup.ErrExists)
			case err != nil:
				return none, failed("put", key, err)
			}
			return backup.Object{Key: key, Size: n}, nil
		})
}

// put makes the folders of the object and runs the sink of its file. A Delete that removes an empty
// folder in between is no failure: the folder is made again.
func (s *Store) put(
	ctx context.Context, key string, src *upstream.Watched, file stream.Sink[[]byte, int64],
) (int64, error) {
	const attempts = 10
	for attempt := 1; ; attempt++ {
		if err := s.makeFolders(key); err != nil {
			return 0, err
		}
		n, err := file.Consume(ctx, src)
		if src.Started || !errors.Is(err, fs.ErrNotExist) || attempt == attempts {
			return n, err
		}
		s.forget(key)
	}
}
