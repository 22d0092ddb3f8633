package backup_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// unfitStore is a store with a defect.
type unfitStore struct {
	*memstore.Store
	replaces, forgets, changes, hides, keeps bool
}

func (s unfitStore) Put(key string, opts *backup.PutOptions) stream.Sink[[]byte, backup.Object] {
	if !s.replaces {
		return s.Store.Put(key, opts)
	}
	return stream.SinkFunc[[]byte, backup.Object](
		func(ctx context.Context, src stream.Source[[]byte]) (backup.Object, error) {
			if _, err := stream.Run(ctx, source.Of(key), s.Store.Delete()); err != nil {
				return backup.Object{}, err
			}
			return s.Store.Put(key, opts).Consume(ctx, src)
		})
}

func (s unfitStore) Get(key string, opts *backup.GetOptions) stream.Source[[]byte] {
	if s.forgets {
		return stream.Fail[[]byte](backup.ErrNotFound)
	}
	return stream.Via(s.Store.Get(key, opts), stream.Map(func(p []byte) []byte {
		if s.changes {
			return bytes.ToUpper(p)
		}
		return p
	}))
}

func (s unfitStore) List(prefix string) stream.Source[backup.Object] {
	return stream.Via(s.Store.List(prefix), stream.Filter(func(backup.Object) bool { return !s.hides }))
}

func (s unfitStore) Delete() stream.Sink[string, int64] {
	if s.keeps {
		return stream.SinkFunc[string, int64](func(context.Context, stream.Source[string]) (int64, error) {
			return 0, backup.ErrHeld
		})
	}
	return s.Store.Delete()
}

// A store that breaks a promise gets no repository, and is left empty.
func TestInitUnfitStore(t *testing.T) {
	me := newPerson(t)
	for name, store := range map[string]unfitStore{
		"replaces objects":    {replaces: true},
		"forgets objects":     {forgets: true},
		"changes objects":     {changes: true},
		"hides objects":       {hides: true},
		"and deletes nothing": {replaces: true, keeps: true},
	} {
		store.Store = memstore.New(nil)
		_, err := backup.Init(t.Context(), store, me.keys(), nil)
		if !errors.Is(err, backup.ErrUnfit) || stream.ClassOf(err) != stream.Fatal ||
			errors.Is(err, backup.ErrHeld) != store.keeps {
			t.Errorf("it %s: %v", name, err)
		}
		want := 0
		if store.keeps {
			want = 1
		}
		left, err := stream.Run(t.Context(), store.Store.List(""), sink.Slice[backup.Object]())
		if err != nil || len(left) != want {
			t.Errorf("it %s: left %v, %v", name, left, err)
		}
	}
}

// checkedStore is a store whose Check fails.
type checkedStore struct {
	*memstore.Store
	err error
}

func (s checkedStore) Check(context.Context) error { return s.err }

var errUnwell = stream.Mark(errors.New("unwell"), stream.Fatal)

// The store's own check comes before the first object.
func TestInitChecks(t *testing.T) {
	me := newPerson(t)
	store := checkedStore{memstore.New(nil), errUnwell}
	if _, err := backup.Init(t.Context(), store, me.keys(), nil); !errors.Is(err, errUnwell) {
		t.Error(err)
	}
	left, err := stream.Run(t.Context(), store.List(""), sink.Slice[backup.Object]())
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	store.err = nil
	if _, err := backup.Init(t.Context(), store, me.keys(), nil); err != nil {
		t.Error(err)
	}
}

// An Init that was killed before it proved the store is repeated, and proves it then.
func TestInitProvesAgain(t *testing.T) {
	me := newPerson(t)
	store := unfitStore{Store: memstore.New(nil)}
	if _, err := backup.Init(t.Context(), killAt(store, 2, false), me.keys(), nil); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	store.replaces = true
	if _, err := backup.Init(t.Context(), store, me.keys(), nil); !errors.Is(err, backup.ErrUnfit) {
		t.Error(err)
	}
}

var _ backup.Checker = checkedStore{}
