package stream_test

import (
	"context"
	"errors"
	"testing"

	"github.com/millweir/millweir/stream"
)

// Random graphs find each of these defects within a few hundred or thousand attempts. This shows
// that TestGraphs can fail, although it finds no defect in the operators of this package.
func TestGraphsFindDefects(t *testing.T) {
	type each = func(ctx context.Context, src numberSource, emit func(uint64) error) error
	for name, f := range map[string]each{
		"loses the last element": func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			var held []uint64
			return src.Each(ctx, func(v uint64) error {
				if held = append(held, v); len(held) == 1 {
					return nil
				}
				return emit(held[len(held)-2])
			})
		},
		"emits an element twice": func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			n := 0
			return src.Each(ctx, func(v uint64) error {
				if n++; n == 5 {
					if err := emit(v); err != nil {
						return err
					}
				}
				return emit(v)
			})
		},
		"swaps two elements": func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			var held []uint64
			err := src.Each(ctx, func(v uint64) error {
				if held = append(held, v); len(held) < 2 {
					return nil
				}
				v, w := held[0], held[1]
				held = nil
				if err := emit(w); err != nil {
					return err
				}
				return emit(v)
			})
			if err == nil && len(held) > 0 {
				err = emit(held[0])
			}
			return err
		},
		"loses the upstream's error": func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			own := false
			err := src.Each(ctx, func(v uint64) error {
				err := emit(v)
				own = own || err != nil
				return err
			})
			if !own && ctx.Err() == nil {
				return nil
			}
			return err
		},
		"loses the downstream's error": func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			own := false
			err := src.Each(ctx, func(v uint64) error {
				err := emit(v)
				own = own || err != nil
				return err
			})
			if own {
				return nil
			}
			return err
		},
		"returns an echo for the cause": func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			if err := src.Each(ctx, emit); err != nil && !stream.Stopped(err) {
				return context.Canceled
			}
			return nil
		},
		"makes a failure of an early end": func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			err := src.Each(ctx, emit)
			if stream.Stopped(err) {
				return errors.New("stopped")
			}
			return err
		},
		"goes on after emit failed": func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			var failed error
			if err := src.Each(ctx, func(v uint64) error {
				if err := emit(v); err != nil {
					failed = err
				}
				return nil
			}); err != nil {
				return err
			}
			return failed
		},
		"emits on another goroutine": func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			g, ctx := stream.NewGroup(ctx)
			g.Go(func() error { return src.Each(ctx, emit) })
			return g.Wait()
		},
		"leaves a goroutine": func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			err := src.Each(ctx, emit)
			if err != nil {
				go func() { <-context.WithoutCancel(ctx).Done() }()
			}
			return err
		},
		"hangs after a failure": func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			err := src.Each(ctx, emit)
			if err != nil && ctx.Err() == nil && !stream.Stopped(err) {
				select {}
			}
			return err
		},
		"swallows a panic": func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			defer func() { _ = recover() }()
			return src.Each(ctx, emit)
		},
		"hides the cancel from its upstream": func(ctx context.Context, src numberSource,
			emit func(uint64) error,
		) error {
			return src.Each(context.WithoutCancel(ctx), emit)
		},
	} {
		t.Run(name, func(t *testing.T) {
			flow := stream.NewFlow(func(ctx context.Context, src numberSource, emit func(uint64) error) error {
				return f(ctx, src, emit)
			})
			ops := operators()
			defect := operator{
				"Defect",
				func(_ *builder, in model, _ int) (numberFlow, model, string) { return flow, in, "" },
			}
			for range len(ops) / 2 {
				ops = append(ops, defect)
			}
			for seed := range uint64(10000) {
				if _, said := tryGraph(t, seed+1, ops); said != "" {
					t.Logf("found by graph %d", seed+1)
					return
				}
			}
			t.Error("10,000 graphs with it passed")
		})
	}
}
