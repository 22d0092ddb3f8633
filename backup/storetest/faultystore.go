package storetest

import (
	"context"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Wrap returns store with the faults. It is a [backup.Holder] and a [backup.Sweeper] if store is
// one. A Delete deletes the keys one by one.
func (f *Faults) Wrap(store backup.Store) backup.Store {
	s := &faultyStore{store, f}
	_, holds := store.(backup.Holder)
	_, sweeps := store.(backup.Sweeper)
	switch {
	case holds && sweeps:
		return struct {
			*faultyStore
			holder
			sweeper
		}{s, holder{s}, sweeper{s}}
	case holds:
		return struct {
			*faultyStore
			holder
		}{s, holder{s}}
	case sweeps:
		return struct {
			*faultyStore
			sweeper
		}{s, sweeper{s}}
	}
	return s
}

// faultyStore is a store with faults.
type faultyStore struct {
	store  backup.Store
	faults *Faults
}

// run runs an operation with a fault.
func (s *faultyStore) run(ctx context.Context, fault Fault, operation func() error) error {
	if err := s.faults.alive(); err != nil {
		return err
	}
	if fault.Before != nil {
		if err := fault.Before(ctx); err != nil {
			return err
		}
	}
	err := operation()
	if fault.After != nil {
		err = fault.After(err)
	}
	return err
}

// change is run for an operation that changes the store.
func (s *faultyStore) change(ctx context.Context, op, key string, operation func(Fault) error) error {
	fault := s.faults.match(ctx, op, key)
	return s.run(ctx, fault, func() error {
		killed, err := s.faults.change()
		if err != nil {
			return err
		}
		err = operation(fault)
		if killed {
			s.faults.kill()
			err = ErrKilled
		}
		return err
	})
}

// Put implements [backup.Store].
func (s *faultyStore) Put(key string, opts *backup.PutOptions) stream.Sink[[]byte, backup.Object] {
	return stream.SinkFunc[[]byte, backup.Object](
		func(ctx context.Context, src stream.Source[[]byte]) (object backup.Object, err error) {
			err = s.change(ctx, "Put", key, func(fault Fault) error {
				src := through(mortal[[]byte]{src, s.faults}, fault.Bytes)
				object, err = s.store.Put(key, opts).Consume(ctx, src)
				return err
			})
			if err != nil {
				object = backup.Object{}
			}
			return object, err
		})
}

// Get implements [backup.Store].
func (s *faultyStore) Get(key string, opts *backup.GetOptions) stream.Source[[]byte] {
	return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		fault := s.faults.match(ctx, "Get", key)
		return s.run(ctx, fault, func() error {
			return through(mortal[[]byte]{s.store.Get(key, opts), s.faults}, fault.Bytes).Each(ctx, emit)
		})
	})
}

// List implements [backup.Store].
func (s *faultyStore) List(prefix string) stream.Source[backup.Object] {
	return stream.SourceFunc[backup.Object](func(ctx context.Context, emit func(backup.Object) error) error {
		fault := s.faults.match(ctx, "List", prefix)
		return s.run(ctx, fault, func() error {
			return through(mortal[backup.Object]{s.store.List(prefix), s.faults}, fault.Objects).Each(ctx, emit)
		})
	})
}

// Delete implements [backup.Store].
func (s *faultyStore) Delete() stream.Sink[string, int64] {
	return stream.SinkFunc[string, int64](func(ctx context.Context, src stream.Source[string]) (n int64, _ error) {
		err := src.Each(ctx, func(key string) error {
			n++
			return s.change(ctx, "Delete", key, func(Fault) error {
				_, err := s.store.Delete().Consume(ctx, source.Of(key))
				return err
			})
		})
		return n, err
	})
}

// holder is the [backup.Holder] of a store with faults.
type holder struct{ s *faultyStore }

func (h holder) Hold(ctx context.Context, key string, until time.Time) error {
	return h.s.change(ctx, "Hold", key, func(Fault) error {
		return h.s.store.(backup.Holder).Hold(ctx, key, until)
	})
}

// sweeper is the [backup.Sweeper] of a store with faults.
type sweeper struct{ s *faultyStore }

func (w sweeper) Sweep(ctx context.Context, opts *backup.SweepOptions) (n int64, err error) {
	err = w.s.change(ctx, "Sweep", "", func(Fault) error {
		n, err = w.s.store.(backup.Sweeper).Sweep(ctx, opts)
		return err
	})
	return n, err
}

// through returns src through a flow, or src without one.
func through[T any](src stream.Source[T], flow stream.Flow[T, T]) stream.Source[T] {
	if flow == nil {
		return src
	}
	return stream.Via(src, flow)
}

// mortal is a source of a process that may be killed.
type mortal[T any] struct {
	stream.Source[T]
	faults *Faults
}

// Each implements [stream.Source].
func (m mortal[T]) Each(ctx context.Context, emit func(T) error) error {
	err := m.Source.Each(ctx, func(v T) error {
		if err := m.faults.alive(); err != nil {
			return err
		}
		return emit(v)
	})
	if err == nil {
		err = m.faults.alive()
	}
	return err
}
