package stream_test

import (
	"context"
	"errors"
	"io"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// brokenInRuns has a run for each way to run a pipeline, and for stages that take elements one by
// one or in the background.
func brokenInRuns() map[string]func(*breaker) brokenRun {
	type (
		ctx = context.Context
	)
	return map[string]func(*breaker) brokenRun{
		"stream.All, its loop": func(b *breaker) brokenRun {
			b.bare = true
			return func(c ctx) error {
				for _, err := range stream.All(c, stream.Via(b.src(), stream.Async[int](2))) {
					if b.hit(); err != nil {
						return err
					}
				}
				return nil
			}
		},
		"stream.EachLent.take": func(b *breaker) brokenRun {
			text := stream.Via(b.src(), stream.Map(func(int) []byte { return []byte("x") }))
			return into(text, stream.SinkFunc[[]byte, int](func(c ctx, src stream.Source[[]byte]) (int, error) {
				return 0, stream.EachLent(c, src, func([]byte) error { b.hit(); return nil })
			}))
		},
		"stream.Go, its sink": func(b *breaker) brokenRun {
			return func(c ctx) error {
				return wait(stream.Go(c, b.src(), sink.ForEach(func(c ctx, _ int) error { return b.try(c) })))
			}
		},
		"stream.Zip, a source": func(b *breaker) brokenRun {
			return drain(stream.Zip(b.src(), stream.Via(b.src(), stream.Map(b.same))))
		},
		"stream.Reader, its source": func(b *breaker) brokenRun {
			return func(c ctx) error {
				r := stream.Reader(c, stream.Via(b.src(), stream.Map(func(int) []byte { b.hit(); return []byte("x") })))
				defer r.Close()
				_, err := io.ReadAll(r)
				return err
			}
		},
		"stream.Reader, its source as it is closed": func(b *breaker) brokenRun {
			return func(c ctx) error {
				r := stream.Reader(c, stream.SourceFunc[[]byte](func(_ ctx, emit func([]byte) error) error {
					err := emit([]byte("x"))
					b.hit()
					return err
				}))
				_, err := r.Read(make([]byte, 1))
				return errors.Join(err, r.Close())
			}
		},
	}
}
