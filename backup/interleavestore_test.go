package backup_test

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// watched is a store whose world learns of each change.
type watched struct {
	backup.Store
	world *world
	skew  time.Duration // how far its clock is ahead
	dir   string        // of a store in a directory

	mu    sync.Mutex                   // of sums and held: a process may store several objects at once
	sums  map[string][sha256.Size]byte // of the objects that were stored
	held  map[string]time.Time         // until when they were protected
	named map[string][]string          // the keys that a backup names, by its run; only while it exists
	past  map[string][]string          // the same, of backups that were pruned
	gone  map[string]time.Time         // when a tombstone appeared
}

// snapshot is what a store has.
type snapshot []storedObject

type storedObject struct {
	key      string
	content  []byte
	modified time.Time
}

// newWatched returns a store with the objects of a snapshot: in a directory, or in memory.
func newWatched(t *testing.T, w *world, inDir bool, skew time.Duration, from snapshot) *watched {
	t.Helper()
	s := &watched{
		world: w, skew: skew, sums: map[string][sha256.Size]byte{}, held: map[string]time.Time{},
		named: map[string][]string{}, past: map[string][]string{}, gone: map[string]time.Time{},
	}
	now := func() time.Time { return time.Now().Add(skew) }
	if inDir {
		s.dir = t.TempDir()
		s.Store = dirstore.New(s.dir, nil)
	} else {
		s.Store = memstore.New(&memstore.Options{Now: func() time.Time { return now() }})
	}
	for _, o := range from {
		at := o.modified
		now = func() time.Time { return at }
		if _, err := stream.Run(t.Context(), source.Of(o.content), s.Store.Put(o.key, nil)); err != nil {
			t.Fatal(err)
		}
		s.setTime(o.key, at)
		s.sums[o.key] = sha256.Sum256(o.content)
	}
	now = func() time.Time { return time.Now().Add(skew) }
	return s
}

// setTime sets when an object was stored, because a file system has a clock of its own.
func (s *watched) setTime(key string, at time.Time) {
	if s.dir == "" {
		return
	}
	if err := os.Chtimes(filepath.Join(s.dir, filepath.FromSlash(key)), at, at); err != nil {
		s.world.broken("%v", err)
	}
}

// snapshot returns all objects.
func (s *watched) snapshot(t *testing.T) (all snapshot) {
	t.Helper()
	objects, err := stream.Run(t.Context(), s.Store.List(""), sink.Slice[backup.Object]())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		content, err := s.content(t.Context(), o.Key)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, storedObject{o.Key, content, o.Modified})
	}
	return all
}

func (s *watched) content(ctx context.Context, key string) ([]byte, error) {
	join := func(all, p []byte) []byte { return append(all, p...) }
	return stream.Run(ctx, s.Store.Get(key, nil), sink.Fold(nil, join))
}

// Put implements [backup.Store].
func (s *watched) Put(key string, opts *backup.PutOptions) stream.Sink[[]byte, backup.Object] {
	return stream.SinkFunc[[]byte, backup.Object](
		func(ctx context.Context, src stream.Source[[]byte]) (backup.Object, error) {
			sum := sha256.New()
			o, err := s.Store.Put(key, opts).Consume(ctx, stream.Via(src, stream.Map(func(p []byte) []byte {
				_, _ = sum.Write(p)
				return p
			})))
			if err == nil {
				s.setTime(key, time.Now().Add(s.skew))
				s.note(key, [sha256.Size]byte(sum.Sum(nil)), opts)
				s.stored(context.WithoutCancel(ctx), key)
			}
			return o, err
		})
}

// note remembers what was stored.
func (s *watched) note(key string, sum [sha256.Size]byte, opts *backup.PutOptions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sums[key] = sum
	if opts != nil {
		s.held[key] = opts.RetainUntil
	}
}

// Hold implements [backup.Holder].
func (s *watched) Hold(ctx context.Context, key string, until time.Time) error {
	holder, ok := s.Store.(backup.Holder)
	if !ok {
		return backup.ErrNoHold
	}
	err := holder.Hold(ctx, key, until)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && until.After(s.held[key]) {
		s.held[key] = until
	}
	return err
}

// Sweep implements [backup.Sweeper].
func (s *watched) Sweep(ctx context.Context, opts *backup.SweepOptions) (int64, error) {
	if sweeper, ok := s.Store.(backup.Sweeper); ok {
		return sweeper.Sweep(ctx, opts)
	}
	return 0, nil
}

// Delete implements [backup.Store].
func (s *watched) Delete() stream.Sink[string, int64] {
	return stream.SinkFunc[string, int64](func(ctx context.Context, src stream.Source[string]) (n int64, _ error) {
		return n, src.Each(ctx, func(key string) error {
			n++
			modified := s.modified(ctx, key)
			_, err := s.Store.Delete().Consume(ctx, source.Of(key))
			if err == nil {
				s.deleted(context.WithoutCancel(ctx), key, modified)
			}
			return err
		})
	})
}

// modified returns when an object was stored, by the true clock.
func (s *watched) modified(ctx context.Context, key string) (at time.Time) {
	_ = s.Store.List(key).Each(ctx, func(o backup.Object) error {
		if o.Key == key {
			at = o.Modified.Add(-s.skew)
		}
		return nil
	})
	return at
}
