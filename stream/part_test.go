package stream_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// returning passes elements on, and calls after after each emit.
func returning[T any](after func() error) stream.Flow[T, T] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[T], emit func(T) error) error {
		return src.Each(ctx, func(v T) error {
			if err := emit(v); err != nil {
				return err
			}
			return after()
		})
	})
}

// A part of a stream that another goroutine reads after the emit that passed it on, or while that
// emit returns, ends the run with an error: nothing is lost silently.
func TestPartReadElsewhere(t *testing.T) {
	type section = stream.Source[int]
	id := func(s section) section { return s }
	slow := func() error { time.Sleep(15 * time.Millisecond); return nil }
	fails := func() error { time.Sleep(15 * time.Millisecond); return errBoom }
	panics := func() error { time.Sleep(15 * time.Millisecond); panic("boom") }
	split := stream.SplitWhen(func(v int) bool { return v%100 == 0 })
	peel := stream.FlatMapPrefix(1, func(context.Context, []int) (stream.Flow[int, section], error) {
		return stream.NewFlow(func(_ context.Context, rest section, emit func(section) error) error {
			return emit(rest)
		}), nil
	})
	// own reads a section with a separate context.
	own := func(s section) section { return stream.Via(s, stream.Async[int](4)) }
	later := stream.Then(stream.Async[section](1), stream.ConcatMap(id))
	for name, flow := range map[string]stream.Flow[int, int]{
		"section, at once":            stream.Then(split, stream.MergeMap(4, id)),
		"section, while emit returns": stream.Then(stream.Then(split, returning[section](slow)), later),
		"section, emit fails":         stream.Then(stream.Then(split, returning[section](fails)), later),
		"section, emit panics":        stream.Then(stream.Then(split, returning[section](panics)), later),
		"section, by a flow": stream.Then(stream.Then(split, returning[section](slow)),
			stream.MergeMap(4, own)),
		"tail, at once":            stream.Then(peel, stream.MergeMap(4, id)),
		"tail, while emit returns": stream.Then(stream.Then(peel, returning[section](slow)), later),
	} {
		t.Run(name, func(t *testing.T) {
			for src, busy := range map[string]stream.Source[int]{
				"busy":   count(200),
				"paced":  stream.Via(count(200), pause(time.Millisecond)),
				"stalls": stalled(10),
			} {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, errOther)
					defer cancel()
					err := func() (err error) {
						defer func() {
							if v := recover(); v != nil {
								err = fmt.Errorf("panic: %v", v)
							}
						}()
						_, err = stream.Run(ctx, stream.Via2(busy, flow, pause(time.Millisecond)), sink.Discard[int]())
						return err
					}()
					if err == nil || err == errOther {
						t.Errorf("%s: %v", src, err)
					}
				})
			}
		})
	}
}
