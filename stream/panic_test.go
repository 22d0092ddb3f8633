package stream_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// exploding emits 0 and panics when emit has returned.
func exploding() stream.Source[int] {
	return stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
		if err := emit(0); err != nil {
			return err
		}
		explode()
		return nil
	})
}

// A panic surfaces in the same form, whichever stage panics and however the run was started.
func TestPanicHasOneForm(t *testing.T) {
	explodes := func(v int) int { explode(); return v }
	mapped := func(flow stream.Flow[int, int]) stream.Source[int] {
		return stream.Via2(count(8), stream.Map(explodes), flow)
	}
	bytes := stream.Via(exploding(), stream.Map(func(int) []byte { return []byte("x") }))
	for name, run := range map[string]func(context.Context) error{
		"source": drain(exploding()),
		"fused":  drain(stream.Via(count(8), stream.Map(explodes))),
		"worker": drain(stream.Via(count(8), stream.MapParallel(4, func(_ context.Context, v int) (int, error) {
			return explodes(v), nil
		}))),
		"upstream":  drain(mapped(stream.Async[int](4))),
		"coroutine": drain(stream.Zip(count(8), exploding())),
		"sink":      into(count(8), sink.ForEach(func(context.Context, int) error { explode(); return nil })),
		"sink after its source": into(count(8),
			stream.SinkFunc[int, int](func(ctx context.Context, src stream.Source[int]) (int, error) {
				if err := src.Each(ctx, func(int) error { return nil }); err != nil {
					return 0, err
				}
				explode()
				return 0, nil
			})),
		"clean-up": drain(stream.SourceFunc[int](func(context.Context, func(int) error) error {
			defer explode()
			panic("another")
		})),
		"run in a run": into(count(8), sink.ForEach(func(ctx context.Context, _ int) error {
			return drain(exploding())(ctx)
		})),
		"Go": func(ctx context.Context) error {
			_, err := stream.Go(ctx, exploding(), sink.Discard[int]()).Wait()
			return err
		},
		"All": func(ctx context.Context) error {
			for _, err := range stream.All(ctx, exploding()) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"All, left early": func(ctx context.Context) error {
			for range stream.All(ctx, stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
				defer explode()
				return emit(0)
			})) {
				break
			}
			return nil
		},
		"Reader.Read": func(ctx context.Context) error {
			_, err := io.ReadAll(stream.Reader(ctx, bytes))
			return err
		},
		"Reader.WriteTo": func(ctx context.Context) error {
			_, err := io.Copy(io.Discard, stream.Reader(ctx, bytes))
			return err
		},
		"Reader.Close": func(ctx context.Context) error {
			r := stream.Reader(ctx, stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
				defer explode()
				return emit([]byte("xy"))
			}))
			if _, err := r.Read(make([]byte, 1)); err != nil {
				return err
			}
			return r.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				v := recover()
				p, ok := v.(*stream.PanicError)
				if !ok || p.Value != any(errExploded) || !strings.Contains(string(p.Stack), "stream_test.explode") {
					t.Fatalf("recovered %v, want a *PanicError with the stack of explode", v)
				}
				if !errors.Is(p, errExploded) || stream.ClassOf(p) != stream.Fatal {
					t.Errorf("of class %v: %v", stream.ClassOf(p), p)
				}
			}()
			err := run(t.Context())
			t.Errorf("it returned %v", err)
		})
	}
}

// A panic or Goexit in the body of a loop over All does not belong to the run: it passes unchanged,
// after the stages have ended.
func TestAllLeavesThePanicOfItsBody(t *testing.T) {
	for name, flow := range map[string]stream.Flow[int, int]{
		"fused":     stream.Map(func(v int) int { return v }),
		"goroutine": stream.Async[int](4),
		"workers":   stream.MapParallel(4, func(_ context.Context, v int) (int, error) { return v, nil }),
		"coroutine": stream.MergeMap(4, func(int) stream.Source[int] { return count(3) }),
	} {
		ways := map[string]func(){
			"panic":             explode,
			"a run that panics": func() { _, _ = stream.Run(t.Context(), exploding(), sink.Discard[int]()) },
			"Goexit":            runtime.Goexit,
		}
		for way, do := range ways {
			for at, src := range map[string]stream.Source[int]{
				"an element": count(8),
				"the error":  stream.Fail[int](errBoom),
			} {
				t.Run(name+"/"+way+"/"+at, func(t *testing.T) {
					var got any
					ended, returned := false, false
					watched := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
						defer func() { ended = true }()
						return src.Each(ctx, emit)
					})
					done := make(chan struct{})
					go func() {
						defer close(done)
						defer func() { got = recover() }()
						for range stream.All(t.Context(), stream.Via(watched, flow)) {
							do()
						}
						returned = true
					}()
					<-done
					p, carried := got.(*stream.PanicError)
					ok := false
					switch way {
					case "panic":
						ok = got == any(errExploded)
					case "a run that panics":
						ok = carried && p.Value == any(errExploded)
					default:
						ok = got == nil
					}
					if !ok || !ended || returned {
						t.Errorf("recovered %v; the source ended: %v, the loop: %v", got, ended, returned)
					}
				})
			}
		}
	}
}

// runtime.Goexit, which t.FailNow calls, ends the goroutine of a run without a panic.
func TestGoexitPassesARun(t *testing.T) {
	for name, src := range map[string]stream.Source[int]{
		"fused": stream.Via(count(8), stream.Map(func(v int) int { runtime.Goexit(); return v })),
		"worker": stream.Via(count(8), stream.MapParallel(2, func(context.Context, int) (int, error) {
			runtime.Goexit()
			return 0, nil
		})),
	} {
		for how, run := range map[string]func(context.Context) error{
			"Run": drain(src),
			"Go": func(ctx context.Context) error {
				_, err := stream.Go(ctx, src, sink.Discard[int]()).Wait()
				return err
			},
			"All": func(ctx context.Context) error {
				for range stream.All(ctx, src) {
				}
				return nil
			},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				var got any
				returned := false
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() { got = recover() }()
					_ = run(t.Context())
					returned = true
				}()
				<-done
				if returned || got != nil {
					t.Errorf("returned: %v, recovered %v", returned, got)
				}
			})
		}
	}
}
