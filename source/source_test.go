package source_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

var (
	errTest  = errors.New("test: it failed")
	errOther = errors.New("test: the clean-up failed")
)

func collect[T any](t *testing.T, src stream.Source[T]) ([]T, error) {
	t.Helper()
	return stream.Run(t.Context(), src, sink.Slice[T]())
}

// Bad settings are one clear error of the run, and of every run.
func TestBadSettings(t *testing.T) {
	var seq iter.Seq[int]
	var seq2 iter.Seq2[int, error]
	var ch chan int
	check(t, "Seq", source.Seq(seq))
	check(t, "Seq2", source.Seq2(seq2))
	check(t, "Cycle", source.Cycle(seq))
	check(t, "Cycle", source.Cycle(slices.Values([]int(nil))))
	check(t, "Range", source.Range(1, 2, 0))
	check(t, "Func", source.Func[int](nil))
	check(t, "Defer", source.Defer[int](nil))
	check(t, "Defer", source.Defer(func(context.Context) (stream.Source[int], error) { return nil, nil }))
	check(t, "Tick", source.Tick(0))
	check(t, "Tick", source.Tick(-1))
	check(t, "Unfold", source.Unfold[int, int](1, nil))
	check(t, "Resource", source.Resource[int, int](nil, nil, nil))
	check(t, "Resource", source.Resource(
		func(context.Context) (int, error) { panic("it was opened") },
		func(int, context.Context) (int, bool, error) { return 0, false, nil }, nil))
	check(t, "Chan", source.Chan(ch))
	check(t, "NewQueue", source.NewQueue[int](-1))
	check(t, "Reader", source.Reader(nil))
	check(t, "Open", source.Open(nil))
	check(t, "Open", source.Open(func(context.Context) (io.ReadCloser, error) { return nil, nil }))
	check(t, "File", source.File("x", &source.FileOptions{Offset: -1}))
	check(t, "File", source.File("x", &source.FileOptions{Length: -1}))
	check(t, "File", source.File("x", &source.FileOptions{ChunkSize: -1}))
}

func check[T any](t *testing.T, name string, src stream.Source[T]) {
	t.Helper()
	for range 2 {
		err := src.Each(t.Context(), func(T) error { t.Errorf("%s: an element", name); return nil })
		if err == nil || !strings.HasPrefix(err.Error(), "source: "+name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRange(t *testing.T) {
	same(t, source.Range(0, 3, 1), 0, 1, 2)
	same(t, source.Range(0, 1, 1), 0)
	same(t, source.Range(0, 0, 1))
	same(t, source.Range(1, 0, 1))
	same(t, source.Range(0, 7, 3), 0, 3, 6)
	same(t, source.Range(0, 6, 3), 0, 3)
	same(t, source.Range(3, 0, -1), 3, 2, 1)
	same(t, source.Range(0, 3, -1))
	same(t, source.Range[int8](0, 127, 50), 0, 50, 100)
	same(t, source.Range[int8](126, 127, 1), 126)
	same(t, source.Range[int8](-100, -128, -20), -100, -120)
	same(t, source.Range[int8](-128, 127, 100), -128, -28, 72)
	same(t, source.Range[uint8](250, 255, 2), 250, 252, 254)
	same(t, source.Range[uint8](0, 255, 128), 0, 128)
	same(t, source.Range[int64](math.MaxInt64-1, math.MaxInt64, math.MaxInt64), math.MaxInt64-1)
	same(t, source.Range[int64](0, math.MinInt64, math.MinInt64), 0)
}

func same[T comparable](t *testing.T, src stream.Source[T], want ...T) {
	t.Helper()
	if got, err := collect(t, src); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, expected %v", got, err, want)
	}
}

// Errors of the caller's functions end the run and are returned unwrapped. The error of a cancelled
// run is the cause, joined with an error that is not its echo.
func TestErrorsOfFunctions(t *testing.T) {
	cause := errors.New("test: cancelled")
	sources := map[string]func(f func(context.Context) error) stream.Source[int]{
		"Func": func(f func(context.Context) error) stream.Source[int] {
			return source.Func(func(ctx context.Context) (int, error) { return 1, f(ctx) })
		},
		"Defer": func(f func(context.Context) error) stream.Source[int] {
			return source.Defer(func(ctx context.Context) (stream.Source[int], error) { return source.Of(1), f(ctx) })
		},
		"Unfold": func(f func(context.Context) error) stream.Source[int] {
			return source.Unfold(1, func(ctx context.Context, _ int) (int, int, bool, error) {
				return 1, 1, true, f(ctx)
			})
		},
		"Resource/open": func(f func(context.Context) error) stream.Source[int] {
			return source.Resource(func(ctx context.Context) (int, error) { return 1, f(ctx) },
				func(int, context.Context) (int, bool, error) { panic("it was not opened") },
				func(int, context.Context) error { panic("it was not opened") })
		},
		"Resource/next": func(f func(context.Context) error) stream.Source[int] {
			return source.Resource(func(context.Context) (int, error) { return 1, nil },
				func(_ int, ctx context.Context) (int, bool, error) { return 1, true, f(ctx) },
				func(int, context.Context) error { return nil })
		},
		"Open": func(f func(context.Context) error) stream.Source[int] {
			return stream.Via(source.Open(func(ctx context.Context) (io.ReadCloser, error) { return nil, f(ctx) }),
				stream.Map(func([]byte) int { return 1 }))
		},
	}
	for name, mk := range sources {
		t.Run(name, func(t *testing.T) {
			run := func(cancelled bool, f func(context.Context) error) error {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				return mk(func(ctx context.Context) error {
					if cancelled {
						cancel(cause)
					}
					return f(ctx)
				}).Each(ctx, func(int) error { t.Error("an element"); return errOther })
			}
			if err := run(false, func(context.Context) error { return errTest }); err != errTest {
				t.Errorf("as it is: %v", err)
			}
			if err := run(true, func(ctx context.Context) error { return ctx.Err() }); err != cause {
				t.Errorf("echo: %v", err)
			}
			if err := run(true, func(context.Context) error {
				return errTest
			}); !errors.Is(err, cause) || !errors.Is(err, errTest) {
				t.Errorf("both: %v", err)
			}
		})
	}
}

// If a sequence ends because of a cancellation, the run is not complete.
func TestCutShort(t *testing.T) {
	cause := errors.New("test: cancelled")
	for name, mk := range map[string]func(cancel func()) stream.Source[int]{
		"Seq": func(cancel func()) stream.Source[int] { return source.Seq(func(func(int) bool) { cancel() }) },
		"Seq2": func(cancel func()) stream.Source[int] {
			return source.Seq2(func(func(int, error) bool) { cancel() })
		},
		"Seq2/error": func(cancel func()) stream.Source[int] {
			return source.Seq2(func(yield func(int, error) bool) { cancel(); yield(0, context.Canceled) })
		},
		"Cycle": func(cancel func()) stream.Source[int] { return source.Cycle(func(func(int) bool) { cancel() }) },
		"Unfold": func(cancel func()) stream.Source[int] {
			return source.Unfold(0, func(context.Context, int) (int, int, bool, error) {
				cancel()
				return 0, 0, false, nil
			})
		},
		"Chan": func(cancel func()) stream.Source[int] {
			ch := make(chan int)
			close(ch)
			return source.Defer(func(context.Context) (stream.Source[int], error) {
				cancel()
				return source.Chan(ch), nil
			})
		},
		"Queue": func(cancel func()) stream.Source[int] {
			q := source.NewQueue[int](0)
			q.Complete()
			return source.Defer(func(context.Context) (stream.Source[int], error) { cancel(); return q, nil })
		},
		"Resource": func(cancel func()) stream.Source[int] {
			return source.Resource(func(context.Context) (int, error) { return 0, nil },
				func(int, context.Context) (int, bool, error) { cancel(); return 0, false, nil },
				func(int, context.Context) error { return nil })
		},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		err := mk(func() { cancel(cause) }).Each(ctx, func(int) error { return nil })
		if err != cause {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSeq2Error(t *testing.T) {
	got, err := collect(t, source.Seq2(func(yield func(int, error) bool) {
		_ = yield(1, nil) && yield(2, errTest) && yield(3, nil)
	}))
	if err != errTest || !slices.Equal(got, []int{1}) {
		t.Error(got, err)
	}
}

func TestCycle(t *testing.T) {
	same(t, stream.Via(source.Cycle(slices.Values([]int{1, 2})), stream.Take[int](5)), 1, 2, 1, 2, 1)
	passes := 0
	got, err := collect(t, source.Cycle(func(yield func(int) bool) { // it can be ranged over only once
		if passes++; passes == 1 {
			yield(1)
		}
	}))
	if err == nil || !slices.Equal(got, []int{1}) || passes != 2 {
		t.Error(got, err, passes)
	}
}

// Repeat copies byte slices of any type, and nothing else.
func TestRepeatCopies(t *testing.T) {
	type raw []byte
	p := raw("ab")
	got, err := collect(t, stream.Via(source.Repeat(p), stream.Take[raw](3)))
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	got[0][0], got[1] = 'X', append(got[1], '!')
	if string(p) != "ab" || string(got[2]) != "ab" {
		t.Errorf("%s %s", p, got)
	}
	x := new(int)
	same(t, stream.Via(source.Repeat(x), stream.Take[*int](2)), x, x)
}

// Long runs notice a cancellation from another goroutine.
func TestCancelOfLongRuns(t *testing.T) {
	endless := func(yield func(int, error) bool) {
		for yield(1, nil) {
		}
	}
	for name, src := range map[string]stream.Source[int]{
		"Slice":  stream.Via(source.Slice(make([]struct{}, math.MaxInt)), stream.Map(func(struct{}) int { return 0 })),
		"Range":  source.Range(0, math.MaxInt, 1),
		"Repeat": source.Repeat(1),
		"Cycle":  source.Cycle(slices.Values([]int{1})),
		"Seq2":   source.Seq2(endless),
		"Unfold": source.Unfold(0, func(context.Context, int) (int, int, bool, error) { return 0, 0, true, nil }),
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		timer := time.AfterFunc(5*time.Millisecond, func() { cancel(errTest) })
		n := 0
		if err := src.Each(ctx, func(int) error { n++; return nil }); err != errTest {
			t.Errorf("%s: %v, %d elements", name, err, n)
		}
		timer.Stop()
	}
}

// No source allocates for an element.
func TestAllocations(t *testing.T) {
	const n = 10_000
	xs := upTo(n)
	ch := make(chan int, n)
	for name, mk := range map[string]func() stream.Source[int]{
		"Slice":  func() stream.Source[int] { return source.Slice(xs) },
		"Seq":    func() stream.Source[int] { return source.Seq(slices.Values(xs)) },
		"Range":  func() stream.Source[int] { return source.Range(0, n, 1) },
		"Unfold": func() stream.Source[int] { return source.Unfold(0, countTo(n)) },
		"Cycle":  func() stream.Source[int] { return stream.Via(source.Cycle(slices.Values(xs)), stream.Take[int](n)) },
		"Repeat": func() stream.Source[int] { return stream.Via(source.Repeat(1), stream.Take[int](n)) },
		"Chan": func() stream.Source[int] {
			for i := range n {
				ch <- i
			}
			return stream.Via(source.Chan(ch), stream.Take[int](n))
		},
		"Queue": func() stream.Source[int] {
			q := source.NewQueue[int](n)
			for i := range n {
				_, _ = q.TryOffer(i)
			}
			return stream.Via(q, stream.Take[int](n))
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if got := testing.AllocsPerRun(5, func() {
			if err := mk().Each(ctx, func(int) error { return nil }); err != nil {
				t.Error(name, err)
			}
		}); got > 40 {
			t.Errorf("%s: %v allocations in a run of %d elements", name, got, n)
		}
	}
}
