package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/memstore"
	"github.com/millweir/millweir/backup/storetest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Without faults the wrapped store is like the store in it.
func TestNoFaults(t *testing.T) {
	storetest.Run(t, func(*testing.T) backup.Store { return new(storetest.Faults).Wrap(memstore.New(nil)) })
	if _, ok := new(storetest.Faults).Wrap(dirstore.New(t.TempDir(), nil)).(backup.Holder); ok {
		t.Error("a store without holds is a Holder")
	}
	if _, ok := new(storetest.Faults).Wrap(dirstore.New(t.TempDir(), nil)).(backup.Sweeper); !ok {
		t.Error("a store that sweeps is no Sweeper")
	}
}

func put(t *testing.T, store backup.Store, key, content string) error {
	t.Helper()
	_, err := stream.Run(t.Context(), source.Of([]byte(content)), store.Put(key, nil))
	return err
}

func get(t *testing.T, store backup.Store, key string) (string, error) {
	t.Helper()
	var content bytes.Buffer
	_, err := stream.Run(t.Context(), store.Get(key, nil), sink.Writer(&content))
	return content.String(), err
}

func list(t *testing.T, store backup.Store) []string {
	t.Helper()
	objects, err := stream.Run(t.Context(), store.List(""), sink.Slice[backup.Object]())
	if err != nil {
		t.Error(err)
	}
	var keys []string
	for _, o := range objects {
		keys = append(keys, o.Key)
	}
	return keys
}

func TestFaults(t *testing.T) {
	broken := errors.New("broken")
	fail := func(context.Context) error { return broken }
	inner := memstore.New(nil)
	faults := new(storetest.Faults)
	store := faults.Wrap(inner)
	faults.Add(storetest.Fault{Op: "Put", Key: "b", Before: fail})
	faults.Add(storetest.Fault{Op: "Put", Skip: 1, After: func(error) error { return broken }})
	faults.Add(storetest.Fault{Op: "List", Objects: stream.Take[backup.Object](1)})
	faults.Add(storetest.Fault{Op: "Get", Key: "a", Times: -1, Bytes: stream.Map(bytes.ToUpper)})
	faults.Add(storetest.Fault{Op: "Delete", Skip: 1, Before: fail})
	for _, step := range []struct {
		key string
		err error
	}{{"a", nil}, {"b", broken}, {"c", broken}, {"d", nil}} {
		if err := put(t, store, step.key, "x"); !errors.Is(err, step.err) {
			t.Errorf("Put of %s: %v", step.key, err)
		}
	}
	if keys := list(t, inner); !slices.Equal(keys, []string{"a", "c", "d"}) {
		t.Errorf("stored: %q", keys)
	}
	if first, second := list(t, store), list(t, store); len(first) != 1 || len(second) != 3 {
		t.Errorf("the lists are %q and %q", first, second)
	}
	for range 2 {
		if content, err := get(t, store, "a"); content != "X" || err != nil {
			t.Errorf("%q, %v", content, err)
		}
	}
	n, err := stream.Run(t.Context(), source.Of("a", "c", "d"), store.Delete())
	if keys := list(t, inner); !errors.Is(err, broken) || n != 2 || !slices.Equal(keys, []string{"c", "d"}) {
		t.Errorf("%d given, %v, left are %q", n, err, keys)
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown operation was added")
		}
	}()
	faults.Add(storetest.Fault{Op: "PutObject"})
}

// A kill ends everything, including a Put in progress.
func TestKill(t *testing.T) {
	inner := memstore.New(nil)
	faults := new(storetest.Faults)
	store := faults.Wrap(inner)
	faults.KillAt(2, storetest.AfterChange)
	during := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		if err := put(t, store, "second", "x"); !errors.Is(err, storetest.ErrKilled) {
			t.Errorf("the Put after which the process was killed: %v", err)
		}
		return emit([]byte("x"))
	})
	if _, err := store.Put("first", nil).Consume(t.Context(), during); !errors.Is(err, storetest.ErrKilled) {
		t.Errorf("a Put in progress: %v", err)
	}
	_, err := get(t, store, "second")
	if !errors.Is(err, storetest.ErrKilled) || stream.ClassOf(err) != stream.Fatal || !faults.Killed() {
		t.Errorf("a Get after the kill: %v", err)
	}
	if keys := list(t, inner); !slices.Equal(keys, []string{"second"}) || faults.Changes() != 2 {
		t.Errorf("stored: %q, %d changes", keys, faults.Changes())
	}
}

func TestKillPoints(t *testing.T) {
	var left [][]string
	storetest.KillPoints(t, func(*testing.T) backup.Store { return memstore.New(nil) },
		func(store backup.Store) error {
			if err := put(t, store, "a", "x"); err != nil {
				return err
			}
			_, err := stream.Run(t.Context(), source.Of("a"), store.Delete())
			return err
		},
		func(t *testing.T, store backup.Store) { left = append(left, list(t, store)) })
	want := [][]string{nil, nil, {"a"}, {"a"}, nil}
	if !slices.EqualFunc(left, want, slices.Equal[[]string]) {
		t.Errorf("left: %q, want %q", left, want)
	}
}
