package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Objects of all sizes and chunks come back as they were stored.
func testRoundTrip(_ *testing.T, s suite) {
	for _, size := range []int{0, 1, 2, 1000, 1 << 16, 1<<16 + 1, 5 << 20, 11<<20 + 3} {
		key, want := fmt.Sprint("data/", size), random(size)
		s.put(key, want[:size/3], want[size/3:size/2], want[size/2:])
		s.want(key, want)
		objects, err := stream.Run(s.Context(), s.store.List(key), sink.Slice[backup.Object]())
		if err != nil || len(objects) == 0 || objects[0].Size != int64(size) {
			s.Errorf("%d bytes are listed as %+v, %v", size, objects, err)
			continue
		}
		if age := time.Since(objects[0].Modified); age < -time.Hour || age > time.Hour {
			s.Errorf("an object that was just stored is %v old", age)
		}
	}
}

// A range is exactly the bytes that were asked for.
func testRanges(_ *testing.T, s suite) {
	const size = 200_000
	want := random(size)
	s.put("object", want)
	for _, r := range []backup.GetOptions{
		{Offset: 0, Length: 1},
		{Offset: 0, Length: size},
		{Offset: 1, Length: 1},
		{Offset: 70_000, Length: 70_000},
		{Offset: size - 1, Length: 1},
		{Offset: size - 1},
		{Offset: 100},
		{Offset: size},
	} {
		end := r.Offset + r.Length
		if r.Length == 0 {
			end = size
		}
		if got, err := s.get("object", &r); err != nil || !bytes.Equal(got, want[r.Offset:end]) {
			s.Errorf("%+v: %d bytes, %v", r, len(got), err)
		}
	}
	for _, r := range []backup.GetOptions{
		{Offset: size, Length: 1}, {Offset: size + 1}, {Offset: size - 10, Length: 11}, {Offset: -1}, {Length: -1},
	} {
		if got, err := s.get("object", &r); err == nil {
			s.Errorf("%+v: %d bytes and no error", r, len(got))
		}
	}
}

// An object is not replaced.
func testExists(_ *testing.T, s suite) {
	s.put("a/object", []byte("first"))
	for _, again := range []string{"second", "first", ""} {
		err := s.tryPut("a/object", nil, []byte(again))
		if !errors.Is(err, backup.ErrExists) || stream.ClassOf(err) != stream.Fatal {
			s.Errorf("%q: %v of the class %v", again, err, stream.ClassOf(err))
		}
	}
	s.want("a/object", []byte("first"))
}

// Of several writers at once, one stores its object.
func testRace(_ *testing.T, s suite) {
	const writers, rounds = 8, 5
	for round := range rounds {
		key := fmt.Sprint("race/", round)
		var begun, done sync.WaitGroup // all writers have begun before the first one ends
		begun.Add(writers)
		var errs [writers]error
		content := func(i int) []byte { return fmt.Append(nil, "writer ", i) }
		for i := range writers {
			done.Go(func() {
				var once sync.Once
				began := func() { once.Do(begun.Done) }
				defer began() // a store may refuse the key before it reads
				src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
					began()
					begun.Wait()
					return emit(content(i))
				})
				_, errs[i] = stream.Run(s.Context(), src, s.store.Put(key, nil))
			})
		}
		done.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case !errors.Is(err, backup.ErrExists):
				s.Errorf("writer %d: %v, after writer %d stored its object", i, err, winner)
			}
		}
		if winner < 0 {
			s.Fatal("no writer stored its object")
		}
		s.want(key, content(winner))
	}
}

// A Put that fails or is cancelled stores nothing.
func testFailedPut(_ *testing.T, s suite) {
	broken := errors.New("broken")
	for _, size := range []int{0, 1, 1 << 20, 6 << 20} {
		fails := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
			if size > 0 {
				if err := emit(random(size)); err != nil {
					return err
				}
			}
			return broken
		})
		if _, err := stream.Run(s.Context(), fails, s.store.Put("failed", nil)); err != broken { //nolint:errorlint // unchanged
			s.Errorf("%d bytes: %v", size, err)
		}
		s.wantNone("failed")

		ctx, cancel := context.WithCancelCause(s.Context())
		cancelled := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			if size > 0 {
				if err := emit(random(size)); err != nil {
					return err
				}
			}
			cancel(broken)
			<-ctx.Done()
			return context.Cause(ctx)
		})
		if _, err := stream.Run(ctx, cancelled, s.store.Put("failed", nil)); !errors.Is(err, broken) {
			s.Errorf("%d bytes, cancelled: %v", size, err)
		}
		s.wantNone("failed")
	}
	s.put("failed", []byte("stored"))
	s.want("failed", []byte("stored"))
}

func testMissing(_ *testing.T, s suite) {
	s.wantNone("missing")
	s.wantNone("missing/object")
	s.put("a/b", []byte("x"))
	s.wantNone("a/c")
	if _, err := s.get("a/c", &backup.GetOptions{Offset: 1, Length: 1}); !errors.Is(err, backup.ErrNotFound) {
		s.Error(err)
	}
}

// A run whose context is done does nothing.
func testCancelled(_ *testing.T, s suite) {
	s.put("object", []byte("x"))
	cause := errors.New("cause")
	ctx, cancel := context.WithCancelCause(s.Context())
	cancel(cause)
	_, put := stream.Run(ctx, source.Of([]byte("y")), s.store.Put("other", nil))
	_, get := stream.Run(ctx, s.store.Get("object", nil), sink.Writer(io.Discard))
	_, list := stream.Run(ctx, s.store.List(""), sink.Discard[backup.Object]())
	_, del := stream.Run(ctx, source.Of("object"), s.store.Delete())
	for name, err := range map[string]error{"Put": put, "Get": get, "List": list, "Delete": del} {
		if !errors.Is(err, cause) {
			s.Errorf("%s: %v", name, err)
		}
	}
	s.want("object", []byte("x"))
	s.wantNone("other")
}
