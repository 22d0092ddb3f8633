package blobstore

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

var (
	errNegative = stream.Mark(errors.New("the range is negative"), stream.Fatal)
	errShort    = stream.Mark(fmt.Errorf("the object ends before the range does: %w", io.ErrUnexpectedEOF),
		stream.Fatal)
)

// Get implements [backup.Store]. It holds one chunk of 64 KiB. The bytes are counted, and otherwise
// compared with a checksum only if the driver does that.
func (s *Store) Get(key string, opts *backup.GetOptions) stream.Source[[]byte] {
	o := backup.GetOptions{}
	if opts != nil {
		o = *opts
	}
	return lend.Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
		switch err := s.check(key); {
		case err != nil:
			return err
		case o.Offset < 0 || o.Length < 0:
			return failed("get", key, errNegative)
		}
		g := &get{store: s, key: key, offset: o.Offset, left: o.Length}
		err := g.run(ctx, emit, lent)
		switch {
		case err == nil && g.stopped == nil && g.left > 0:
			return failed("get", key, stream.Mark(io.ErrUnexpectedEOF, stream.Retryable))
		case err == nil || g.stopped != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		return failed("get", key, err)
	})
}

// get is one run of a Get.
type get struct {
	store   *Store
	key     string
	offset  int64
	left    int64 // bytes that must come; before the first reply 0 means all
	stopped error // the downstream's error, which is returned unchanged
}

func (g *get) run(ctx context.Context, emit func([]byte) error, lent bool) error {
	body := source.Open(func(ctx context.Context) (io.ReadCloser, error) { return g.open(ctx) })
	take := func(p []byte) error {
		if g.left -= int64(len(p)); g.left < 0 {
			return errLong
		}
		g.stopped = emit(p)
		return g.stopped
	}
	if lent {
		return stream.EachLent(ctx, body, take)
	}
	return body.Each(ctx, take)
}

var errLong = stream.Mark(errors.New("the service sends more than it announced"), stream.Fatal)

// open opens the object at the offset, and finds out how many bytes must come.
func (g *get) open(ctx context.Context) (io.ReadCloser, error) {
	if g.offset > 0 { // services refuse a range that begins at the end in different ways
		found, err := g.store.bucket.Attributes(ctx, g.key)
		switch {
		case err != nil:
			return nil, g.store.notFound(ctx, g.key, err)
		case g.offset > found.Size:
			return nil, errShort
		case g.offset == found.Size && g.left == 0:
			return io.NopCloser(new(noBytes)), nil
		}
	}
	length := int64(-1)
	if g.left > 0 {
		length = g.left
	}
	r, err := g.store.bucket.NewRangeReader(ctx, g.key, g.offset, length, nil)
	if err != nil {
		return nil, g.store.notFound(ctx, g.key, err)
	}
	all := r.Size() - g.offset
	if g.left == 0 {
		g.left = all
	}
	if g.left > all {
		_ = r.Close()
		return nil, errShort
	}
	return r, nil
}

// noBytes is an empty reader.
type noBytes struct{}

// Read implements [io.Reader].
func (*noBytes) Read([]byte) (int, error) { return 0, io.EOF }

// notFound returns [backup.ErrNotFound] if err is NotFound and a list confirms it. Drivers also
// report missing rights and missing buckets as a missing object.
func (s *Store) notFound(ctx context.Context, key string, err error) error {
	if gcerrors.Code(err) != gcerrors.NotFound {
		return err
	}
	list := s.bucket.List(&blob.ListOptions{Prefix: key})
	switch first, look := list.Next(ctx); {
	case look == io.EOF, look == nil && first.Key != key: //nolint:errorlint // an error may wrap it
		return backup.ErrNotFound
	case look != nil:
		return fmt.Errorf("the object cannot be read, and a list does not show whether there is one: %w: %w", look, err)
	}
	return fmt.Errorf("the object is in the list but cannot be read: %w", err)
}
