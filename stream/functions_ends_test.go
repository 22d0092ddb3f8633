package stream_test

import (
	"context"
	"io"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// brokenInEnds has a run for each function of a source or a sink.
func brokenInEnds() map[string]func(*breaker) brokenRun {
	type (
		ctx = context.Context
	)
	var (
		open = func(ctx) (int, error) { return 0, nil }
		shut = func(int, ctx) error { return nil }
		next = func() func(int, ctx) (int, bool, error) {
			n := 0
			return func(int, ctx) (int, bool, error) { n++; return n, n < 9, nil }
		}
	)
	return map[string]func(*breaker) brokenRun{
		"source.Cycle.seq": func(b *breaker) brokenRun { return run(source.Cycle(b.seq), stream.Take[int](9)) },
		"source.Defer.f": func(b *breaker) brokenRun {
			return drain(source.Defer(func(c ctx) (stream.Source[int], error) { return b.src(), b.try(c) }))
		},
		"source.Func.f": func(b *breaker) brokenRun {
			return drain(source.Func(func(c ctx) (int, error) { return 1, b.try(c) }))
		},
		"source.Open.open": func(b *breaker) brokenRun {
			return drain(
				source.Open(func(c ctx) (io.ReadCloser, error) { return io.NopCloser(&brokenReader{b: b}), b.try(c) }))
		},
		"source.Reader, a Read": func(b *breaker) brokenRun { return drain(source.Reader(&brokenReader{b, 8})) },
		"source.Resource.open": func(b *breaker) brokenRun {
			return drain(source.Resource(func(c ctx) (int, error) { return 0, b.try(c) }, next(), shut))
		},
		"source.Resource.next": func(b *breaker) brokenRun {
			n := 0
			return drain(
				source.Resource(open, func(_ int, c ctx) (int, bool, error) { n++; return n, n < 9, b.try(c) }, shut))
		},
		"source.Resource.shut": func(b *breaker) brokenRun {
			return drain(source.Resource(open, next(), func(int, ctx) error { b.hit(); return nil }))
		},
		"source.Seq.seq": func(b *breaker) brokenRun { return drain(source.Seq(b.seq)) },
		"source.Seq2.seq": func(b *breaker) brokenRun {
			return drain(source.Seq2(func(yield func(int, error) bool) {
				for n := range b.seq {
					if !yield(n, nil) {
						return
					}
				}
			}))
		},
		"source.Unfold.f": func(b *breaker) brokenRun {
			return drain(
				source.Unfold(0, func(c ctx, s int) (int, int, bool, error) { return s + 1, s, s < 9, b.try(c) }))
		},

		"sink.Create.open": func(b *breaker) brokenRun {
			return into(source.Of([]byte("x")),
				sink.Create(func(c ctx) (io.WriteCloser, error) { return &brokenWriter{}, b.try(c) }))
		},
		"sink.Create, a Write": func(b *breaker) brokenRun {
			return into(source.Of([]byte("x"), []byte("x"), []byte("x")),
				sink.Create(func(ctx) (io.WriteCloser, error) { return &brokenWriter{b: b}, nil }))
		},
		"sink.Create, a Close": func(b *breaker) brokenRun {
			return into(source.Of([]byte("x")),
				sink.Create(func(ctx) (io.WriteCloser, error) { return &brokenWriter{onClose: b}, nil }))
		},
		"sink.Writer, a Write": func(b *breaker) brokenRun {
			return into(source.Of([]byte("x"), []byte("x"), []byte("x")), sink.Writer(&brokenWriter{b: b}))
		},
		"sink.Defer.f": func(b *breaker) brokenRun {
			return into(b.src(),
				sink.Defer(func(c ctx) (stream.Sink[int, int64], error) { return sink.Discard[int](), b.try(c) }))
		},
		"sink.Fold.f": func(b *breaker) brokenRun { return into(b.src(), sink.Fold(0, b.sum)) },
		"sink.ForEach.f": func(b *breaker) brokenRun {
			return into(b.src(), sink.ForEach(func(c ctx, _ int) error { return b.try(c) }))
		},
		"sink.ForEachParallel.f": func(b *breaker) brokenRun {
			return into(b.src(), sink.ForEachParallel(1, func(c ctx, _ int) error { return b.try(c) }))
		},
		"sink.Lazy.f": func(b *breaker) brokenRun {
			return into(b.src(),
				sink.Lazy(func(c ctx, _ int) (stream.Sink[int, int64], error) { return sink.Discard[int](), b.try(c) }))
		},
		"sink.Reduce.f": func(b *breaker) brokenRun { return into(b.src(), sink.Reduce(b.sum)) },
	}
}

type brokenReader struct {
	b    *breaker
	left int
}

func (r *brokenReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	r.b.hit()
	r.left--
	return copy(p, "x"), nil
}

type brokenWriter struct{ b, onClose *breaker }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.b != nil {
		w.b.hit()
	}
	return len(p), nil
}

func (w *brokenWriter) Close() error {
	if w.onClose != nil {
		w.onClose.hit()
	}
	return nil
}
