package streamtest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// Correct stages that need an option pass with it.
func TestOptions(t *testing.T) {
	t.Run("Early", func(t *testing.T) {
		for _, n := range []int{1, 3, 5, 1000} {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{
					New:   func() stream.Flow[int, int] { return stream.Take[int](n) },
					Early: true,
					Bad:   []stream.Flow[int, int]{stream.Take[int](-1)},
				})
			})
		}
	})
	t.Run("View", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
			New:  masked,
			View: func(out [][]byte) any { return unmask(bytes.Join(out, nil)) },
			Want: func(t *testing.T, in, out [][]byte) {
				if !bytes.Equal(unmask(bytes.Join(out, nil)), bytes.Join(in, nil)) {
					t.Error("not the same bytes")
				}
			},
		})
	})
	t.Run("Varies", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{New: masked, Varies: true})
	})
	t.Run("Unordered", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[int, int]{New: swapped, Unordered: true})
	})
	t.Run("Restarts", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[int, int]{New: again, Restarts: true})
	})
	t.Run("SingleUse", func(t *testing.T) {
		streamtest.TestSource(t, streamtest.Source[int]{SingleUse: true, New: func(n int) stream.Source[int] {
			c := make(chan int, n)
			for i := range n {
				c <- i
			}
			close(c)
			used := make(chan struct{}, 1)
			return stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
				select {
				case used <- struct{}{}:
				default:
					return errBroken
				}
				for v := range c {
					if ctx.Err() != nil {
						return context.Cause(ctx)
					}
					if err := emit(v); err != nil {
						return err
					}
				}
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				return nil
			})
		}, Stalled: func() stream.Source[int] { return stream.Via(numbers(0), streamtest.Stall[int](0)) }})
	})
	t.Run("Structs", func(t *testing.T) {
		type pair struct {
			Key   string
			Value []byte
		}
		streamtest.TestFlow(t, streamtest.Flow[pair, pair]{
			New: func() stream.Flow[pair, pair] { return ahead[pair](2) },
			In:  func(i int) pair { return pair{fmt.Sprint(i), []byte{byte(i)}} },
		})
	})
	t.Run("Pointers", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[*int, int]{
			In: func(i int) *int { return &i },
			New: func() stream.Flow[*int, int] {
				return stream.Map(func(p *int) int { *p *= 2; return *p }) // the flow owns its input
			},
		})
	})
	t.Run("Idle", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[int, int]{
			New: func() stream.Flow[int, int] {
				return flowOf(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
					go pooled(ctx)
					return src.Each(ctx, emit)
				})
			},
			RealIO: true, Idle: []string{"streamtest_test.pooled"},
		})
	})
	t.Run("EarlySink", func(t *testing.T) {
		streamtest.TestSink(t, streamtest.Sink[int, int]{
			New: func() stream.Sink[int, int] {
				return stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
					for v, err := range stream.All(ctx, src) {
						return v, err
					}
					return -1, nil
				})
			},
			Early: true,
		})
	})
}

func pooled(ctx context.Context) { <-ctx.Done() }

// masked is a flow that emits a random byte and then its input, masked with that byte.
func masked() stream.Flow[[]byte, []byte] {
	return byteFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		key := make([]byte, 1)
		if _, err := rand.Read(key); err != nil {
			return err
		}
		k := key[0]
		if err := emit(key); err != nil {
			return err
		}
		return src.Each(ctx, func(chunk []byte) error {
			for i := range chunk {
				chunk[i] ^= k
			}
			return emit(chunk)
		})
	})
}

func unmask(p []byte) []byte {
	if len(p) == 0 {
		return nil
	}
	out := bytes.Clone(p[1:])
	for i := range out {
		out[i] ^= p[0]
	}
	return out
}

// swapped is a flow that swaps adjacent elements while the downstream is slow.
func swapped() stream.Flow[int, int] {
	return flowOf(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
		held, slow := -1, false
		err := src.Each(ctx, func(v int) error {
			if slow && held < 0 {
				held = v
				return nil
			}
			start := time.Now()
			if err := emit(v); err != nil || held < 0 {
				slow = time.Since(start) > 0
				return err
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			v, held = held, -1
			return emit(v)
		})
		if err == nil && held >= 0 {
			err = emit(held)
		}
		return err
	})
}

// again is a flow that runs its upstream a second time if it failed on its own.
func again() stream.Flow[int, int] {
	return flowOf(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
		var failed error
		each := func() error {
			return src.Each(ctx, func(v int) error { failed = emit(v); return failed })
		}
		err := each()
		if err != nil && failed == nil && ctx.Err() == nil {
			err = each()
		}
		return err
	})
}

// optionsLeftOut returns stages that fail without an option that they need. So the checks that the
// option relaxes do work.
func optionsLeftOut() []defect {
	return []defect{
		{
			name: "ends early and does not say so", check: "Many", says: `rule 6 .* the upstream had not completed`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] {
					return stream.Take[int](3)
				}})
			},
		},
		{
			name: "varies and does not say so", check: "RunTwice", says: `rule 9 .* bytes differ`,
			test: func(t *testing.T) { streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{New: masked}) },
		},
		{
			name: "has no order and does not say so", check: "SlowDownstream", says: `rule 6 .* element \d is`,
			test: func(t *testing.T) { streamtest.TestFlow(t, streamtest.Flow[int, int]{New: swapped}) },
		},
		{
			name: "restarts and does not say so", check: "UpstreamError", says: `rule 9 .* was run 2 times`,
			test: func(t *testing.T) { streamtest.TestFlow(t, streamtest.Flow[int, int]{New: again}) },
		},
		{
			name: "has no order and loses an element", check: "SlowDownstream", says: `rule 6 .* in any order`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{Unordered: true, New: func() stream.Flow[int, int] {
					return flowOf(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
						slow := false
						return src.Each(ctx, func(v int) error {
							if slow {
								slow = false
								return nil
							}
							start := time.Now()
							err := emit(v)
							slow = time.Since(start) > 0
							return err
						})
					})
				}})
			},
		},
		{
			name: "reads one element more ahead than it says", check: "ReadAhead",
			says: `rule 2 .* 4 elements were taken in beyond`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: func() stream.Flow[int, int] {
					return ahead[int](4)
				}, ReadAhead: 3})
			},
		},
		{
			name: "takes bad settings", check: "BadSettings/0", says: `rule 9 .* returned nil, expected an error`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: double, Bad: []stream.Flow[int, int]{double()}})
			},
		},
		{
			name: "emits before it reports bad settings", check: "BadSettings/0",
			says: `rule 9 .* 1 elements were emitted`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: double, Bad: []stream.Flow[int, int]{
					flowOf(func(_ context.Context, _ stream.Source[int], emit emitInt) error {
						return errors.Join(emit(1), errBroken)
					}),
				}})
			},
		},
		{
			name: "reports bad settings too late", check: "BadSettings/0", says: `rule 9 .* it ran its upstream`,
			test: func(t *testing.T) {
				streamtest.TestFlow(t, streamtest.Flow[int, int]{New: double, Bad: []stream.Flow[int, int]{
					flowOf(func(ctx context.Context, src stream.Source[int], _ emitInt) error {
						return errors.Join(src.Each(ctx, func(int) error { return nil }), errBroken)
					}),
				}})
			},
		},
		{
			name: "leaks a goroutine in real time", check: "Empty", says: `rule 1 .* still run after the flow returned`,
			test: func(t *testing.T) {
				leaked := false // once is enough, because each leak costs two seconds
				streamtest.TestFlow(t, streamtest.Flow[int, int]{
					RealIO: true, Many: 6, Steps: 2,
					New: func() stream.Flow[int, int] {
						return flowOf(func(ctx context.Context, src stream.Source[int], emit emitInt) error {
							if !leaked {
								leaked = true
								go func() { <-ctx.Done() }()
							}
							return double().Apply(src).Each(ctx, emit)
						})
					},
				})
			},
		},
	}
}
