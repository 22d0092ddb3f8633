package sink_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

var (
	errTest  = errors.New("test: it failed")
	errOther = errors.New("test: the clean-up failed")
)

// untouched is a source that must not run.
var untouched = stream.SourceFunc[int](func(context.Context, func(int) error) error { panic("the upstream was run") })

// Bad settings are one clear error of the run, before the upstream starts.
func TestBadSettings(t *testing.T) {
	var ch chan int
	noChunks := stream.SourceFunc[[]byte](func(context.Context, func([]byte) error) error {
		panic("the upstream was run")
	})
	check(t, "Fold", sink.Fold[int](0, nil), untouched)
	check(t, "Reduce", sink.Reduce[int](nil), untouched)
	check(t, "ForEach", sink.ForEach[int](nil), untouched)
	check(t, "ForEachParallel", sink.ForEachParallel[int](1, nil), untouched)
	check(t, "ForEachParallel", sink.ForEachParallel(0, func(context.Context, int) error { return nil }), untouched)
	check(t, "TakeLast", sink.TakeLast[int](-1), untouched)
	check(t, "Chan", sink.Chan(ch), untouched)
	check(t, "Defer", sink.Defer[int, int](nil), untouched)
	check(t, "Defer", sink.Defer(func(context.Context) (stream.Sink[int, int], error) { return nil, nil }), untouched)
	check(t, "Lazy", sink.Lazy[int, int](nil), untouched)
	check(t, "Lazy", sink.Lazy(func(context.Context, int) (stream.Sink[int, int], error) {
		return nil, nil
	}), source.Of(1))
	check(t, "Writer", sink.Writer(nil), noChunks)
	check(t, "Create", sink.Create(nil), noChunks)
	check(t, "Create", sink.Create(func(context.Context) (io.WriteCloser, error) { return nil, nil }), noChunks)
	check(t, "File", sink.File("", nil), noChunks)
	check(t, "File", sink.File("x", &sink.FileOptions{Perm: fs.ModeSetuid | 0o600}), noChunks)
	check(t, "File", sink.File("x", &sink.FileOptions{IfAbsent: true, Append: true}), noChunks)
	check(t, "File", sink.File("x", &sink.FileOptions{IfAbsent: true, FollowLinks: true}), noChunks)
}

func check[T, R any](t *testing.T, name string, s stream.Sink[T, R], src stream.Source[T]) {
	t.Helper()
	for range 2 {
		_, err := stream.Run(t.Context(), src, s)
		if err == nil || !strings.HasPrefix(err.Error(), "sink: "+name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The results of no, one and several elements, and the result with an error.
func TestResults(t *testing.T) {
	minus := func(a, b int) int { return a - b }
	gives(t, "Fold", sink.Fold(10, minus), 10, 9, 4, 4, nil)
	gives(t, "Reduce", sink.Reduce(minus), 0, 1, -4, 0, sink.ErrEmpty)
	gives(t, "Last", sink.Last[int](), 0, 1, 3, 0, sink.ErrEmpty)
	gives(t, "Discard", sink.Discard[int](), 0, 1, 3, 3, nil)
	gives(t, "ForEach", sink.ForEach(func(context.Context, int) error { return nil }), 0, 1, 3, 3, nil)
	gives(t, "Chan", sink.Chan(make(chan int, 99)), 0, 1, 3, 3, nil)
	gives(t, "Lazy", sink.Lazy(func(context.Context, int) (stream.Sink[int, int64], error) {
		return sink.Discard[int](), nil
	}), 0, 1, 3, 3, nil)
	for n := range 6 {
		want := []int{1, 2, 3}[max(0, 3-n):]
		if got, err := stream.Run(t.Context(), source.Of(1, 2, 3), sink.TakeLast[int](n)); err != nil ||
			!slices.Equal(got, want) {
			t.Error(n, got, err)
		}
	}
	for n := range 20 {
		for size := range 6 {
			got, err := stream.Run(t.Context(), source.Range(0, n, 1), sink.TakeLast[int](size))
			if err != nil || len(got) != min(n, size) || len(got) > 0 &&
				(got[0] != n-len(got) || got[len(got)-1] != n-1 || !slices.IsSorted(got)) {
				t.Error(n, size, got, err)
			}
		}
	}
	if got, err := stream.Run(t.Context(), source.Of(1, 2), sink.TakeLast[int](math.MaxInt)); err != nil ||
		len(got) != 2 {
		t.Error(got, err)
	}
}

// gives checks the results of no element, of 1, of 1, 2, 3, and of 1, 2, 3 followed by an error of
// the upstream.
func gives[R comparable](t *testing.T, name string, s stream.Sink[int, R], none, one, some, beside R, empty error) {
	t.Helper()
	failing := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
		if err := source.Of(1, 2, 3).Each(ctx, emit); err != nil {
			return err
		}
		return errTest
	})
	for _, f := range []struct {
		src  stream.Source[int]
		want R
		err  error
	}{
		{source.Empty[int](), none, empty},
		{source.Of(1), one, nil},
		{source.Of(1, 2, 3), some, nil},
		{failing, beside, errTest},
	} {
		if got, err := stream.Run(t.Context(), f.src, s); got != f.want || err != f.err {
			t.Errorf("%s: %v, %v, expected %v, %v", name, got, err, f.want, f.err)
		}
	}
}

// First stops its upstream after the first element, and returns an error of the upstream's
// clean-up.
func TestFirst(t *testing.T) {
	for _, cleanup := range []error{nil, errOther} {
		emits := 0
		src := stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
			emits++
			return errors.Join(emit(7), cleanup)
		})
		got, err := stream.Run(t.Context(), src, sink.First[int]())
		if !errors.Is(err, cleanup) || cleanup == nil && got != 7 || emits != 1 {
			t.Error(got, err, emits)
		}
	}
	if _, err := stream.Run(t.Context(), source.Empty[int](), sink.First[int]()); err != sink.ErrEmpty {
		t.Error(err)
	}
	if _, err := stream.Run(t.Context(), stream.Fail[int](errTest), sink.First[int]()); err != errTest {
		t.Error(err)
	}
}

// Errors of the caller's functions end the run and are returned unwrapped. The error of a cancelled
// run is the cause, joined with an error that is not its echo.
func TestErrorsOfFunctions(t *testing.T) {
	cause := errors.New("test: cancelled")
	chunks := stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error { return emit(1) })
	for name, mk := range map[string]func(f func(context.Context) error) stream.Sink[int, int64]{
		"ForEach": func(f func(context.Context) error) stream.Sink[int, int64] {
			return sink.ForEach(func(ctx context.Context, _ int) error { return f(ctx) })
		},
		"ForEachParallel": func(f func(context.Context) error) stream.Sink[int, int64] {
			return sink.ForEachParallel(1, func(ctx context.Context, _ int) error { return f(ctx) })
		},
		"Defer": func(f func(context.Context) error) stream.Sink[int, int64] {
			return sink.Defer(func(ctx context.Context) (stream.Sink[int, int64], error) {
				return sink.Discard[int](), f(ctx)
			})
		},
		"Lazy": func(f func(context.Context) error) stream.Sink[int, int64] {
			return sink.Lazy(func(ctx context.Context, _ int) (stream.Sink[int, int64], error) {
				return sink.Discard[int](), f(ctx)
			})
		},
		"Create": func(f func(context.Context) error) stream.Sink[int, int64] {
			return stream.Into(stream.Map(func(int) []byte { return []byte("x") }),
				sink.Create(func(ctx context.Context) (io.WriteCloser, error) { return nil, f(ctx) }))
		},
	} {
		run := func(cancelled bool, f func(context.Context) error) error {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			n, err := stream.Run(ctx, chunks, mk(func(ctx context.Context) error {
				if cancelled {
					cancel(cause)
				}
				return f(ctx)
			}))
			if n != 0 {
				t.Errorf("%s: %d elements", name, n)
			}
			return err
		}
		if err := run(false, func(context.Context) error { return errTest }); err != errTest {
			t.Errorf("%s: as it is: %v", name, err)
		}
		if err := run(true, func(ctx context.Context) error { return ctx.Err() }); err != cause {
			t.Errorf("%s: echo: %v", name, err)
		}
		if err := run(true, func(context.Context) error {
			return errTest
		}); !errors.Is(err, cause) || !errors.Is(err, errTest) {
			t.Errorf("%s: both: %v", name, err)
		}
	}
}

func TestChan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan int, 2)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errTest)
		defer cancel()
		n, err := stream.Run(ctx, source.Range(0, 9, 1), sink.Chan(ch))
		if n != 2 || err != errTest || len(ch) != 2 {
			t.Error(n, err, len(ch))
		}
		select {
		case v, open := <-ch:
			if v != 0 || !open {
				t.Error(v, open)
			}
		default:
			t.Error("nothing was sent")
		}
		if n, err := stream.Run(t.Context(), source.Of(9), sink.Chan(ch)); n != 1 || err != nil {
			t.Error(n, err)
		}
		for _, want := range []int{1, 9} {
			if v, open := <-ch; v != want || !open {
				t.Error(v, open)
			}
		}
		select {
		case v, open := <-ch:
			t.Error("the channel was closed, or has more:", v, open)
		default:
		}
	})
}

func TestCancelledAndNever(t *testing.T) {
	if _, err := stream.Run(t.Context(), untouched, sink.Cancelled[int]()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTest)
	if _, err := sink.Cancelled[int]().Consume(ctx, untouched); err != errTest {
		t.Error(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, errTest)
		defer cancel()
		began, emits := time.Now(), 0
		_, err := stream.Run(ctx, stream.Via(source.Of(1, 2), stream.Map(func(n int) int {
			emits++
			return n
		})), sink.Never[int]())
		if err != errTest || time.Since(began) != time.Hour || emits != 1 {
			t.Error(err, time.Since(began), emits)
		}
		if _, err := stream.Run(t.Context(), source.Empty[int](), sink.Never[int]()); err != nil {
			t.Error(err)
		}
	})
}
