// Package memstore keeps the objects of a backup repository in memory, for tests and examples.
//
//	repository, err := backup.Init(ctx, memstore.New(nil), keys, nil)
package memstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// Options tunes [New]. The zero value is ready to use.
type Options struct {
	Now func() time.Time // the store's clock; nil means time.Now
}

// New returns an empty store. It can protect objects from deletion.
func New(opts *Options) *Store {
	s := &Store{now: time.Now, objects: map[string]object{}}
	if opts != nil && opts.Now != nil {
		s.now = opts.Now
	}
	return s
}

// Store is a [backup.Store] in memory. [New] makes one.
type Store struct {
	now func() time.Time

	mu      sync.Mutex
	objects map[string]object
}

// object is a stored object. Its bytes never change.
type object struct {
	content  []byte
	modified time.Time
	heldTill time.Time
}

var _ interface {
	backup.Store
	backup.Holder
} = (*Store)(nil)

// Put implements [backup.Store].
func (s *Store) Put(key string, opts *backup.PutOptions) stream.Sink[[]byte, backup.Object] {
	o := backup.PutOptions{}
	if opts != nil {
		o = *opts
	}
	return stream.SinkFunc[[]byte, backup.Object](
		func(ctx context.Context, src stream.Source[[]byte]) (none backup.Object, _ error) {
			if err := backup.CheckKey(key); err != nil {
				return none, err
			}
			content, err := collect(ctx, src)
			if err != nil {
				return none, err
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if _, ok := s.objects[key]; ok {
				return none, failed("put", key, backup.ErrExists)
			}
			stored := object{content: content, modified: s.now(), heldTill: o.RetainUntil}
			s.objects[key] = stored
			return backup.Object{Key: key, Size: int64(len(content)), Modified: stored.modified}, nil
		})
}

// collect returns all bytes of src.
func collect(ctx context.Context, src stream.Source[[]byte]) ([]byte, error) {
	var content []byte
	err := stream.EachLent(ctx, src, func(p []byte) error {
		content = append(content, p...)
		return nil
	})
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return content, err
}

// chunkSize is the number of bytes in the chunks of a Get.
const chunkSize = 64 << 10

// Get implements [backup.Store].
func (s *Store) Get(key string, opts *backup.GetOptions) stream.Source[[]byte] {
	o := backup.GetOptions{}
	if opts != nil {
		o = *opts
	}
	return lend.Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
		content, err := s.read(key, o)
		if err != nil {
			return err
		}
		for chunk := range slices.Chunk(content, chunkSize) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !lent {
				chunk = slices.Clone(chunk)
			}
			if err := emit(chunk); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	})
}

// read returns the bytes that are asked for.
func (s *Store) read(key string, o backup.GetOptions) ([]byte, error) {
	if err := backup.CheckKey(key); err != nil {
		return nil, err
	}
	if o.Offset < 0 || o.Length < 0 {
		return nil, failed("get", key, errNegative)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, ok := s.objects[key]
	size := int64(len(stored.content))
	switch {
	case !ok:
		return nil, failed("get", key, backup.ErrNotFound)
	case o.Offset > size || o.Length > size-o.Offset:
		return nil, failed("get", key, errShort)
	case o.Length == 0:
		return stored.content[o.Offset:], nil
	}
	return stored.content[o.Offset : o.Offset+o.Length], nil
}

var (
	errNegative = stream.Mark(errors.New("the range is negative"), stream.Fatal)
	errShort    = stream.Mark(fmt.Errorf("the object ends before the range does: %w", io.ErrUnexpectedEOF),
		stream.Fatal)
)

// List implements [backup.Store]. It emits the objects of the moment at which the run begins.
func (s *Store) List(prefix string) stream.Source[backup.Object] {
	return stream.SourceFunc[backup.Object](func(ctx context.Context, emit func(backup.Object) error) error {
		for _, o := range s.snapshot(prefix) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := emit(o); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	})
}

// snapshot returns the objects whose keys begin with prefix, in order.
func (s *Store) snapshot(prefix string) []backup.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []backup.Object
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if o := s.objects[key]; strings.HasPrefix(key, prefix) {
			all = append(all, backup.Object{Key: key, Size: int64(len(o.content)), Modified: o.modified})
		}
	}
	return all
}

// Delete implements [backup.Store].
func (s *Store) Delete() stream.Sink[string, int64] {
	return stream.SinkFunc[string, int64](func(ctx context.Context, src stream.Source[string]) (n int64, _ error) {
		err := src.Each(ctx, func(key string) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			n++
			return s.remove(key)
		})
		return n, err
	})
}

func (s *Store) remove(key string) error {
	if err := backup.CheckKey(key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects[key].heldTill.After(s.now()) {
		return failed("delete", key, backup.ErrHeld)
	}
	delete(s.objects, key)
	return nil
}

// Hold implements [backup.Holder].
func (s *Store) Hold(ctx context.Context, key string, until time.Time) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, ok := s.objects[key]
	if !ok {
		return failed("hold", key, backup.ErrNotFound)
	}
	if until.After(stored.heldTill) {
		stored.heldTill = until
		s.objects[key] = stored
	}
	return nil
}

// failed adds the operation and the key to err.
func failed(operation, key string, err error) error {
	return fmt.Errorf("memstore: %s %s: %w", operation, key, err)
}
