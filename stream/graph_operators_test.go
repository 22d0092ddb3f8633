package stream_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// longest is a time limit that no run reaches.
const longest = 24 * time.Hour

// flatten emits the elements of slices one by one.
func flatten(p *fault) stream.Flow[[]uint64, uint64] {
	return stream.FlatMap(func(xs []uint64) []uint64 { p.pass(); return xs })
}

// dawdle sleeps for a time that depends on the element, so that calls overtake each other.
func dawdle(ctx context.Context, v uint64) error {
	if d := v % 4; d > 0 {
		return waitFor(ctx, time.Duration(d)*time.Millisecond)
	}
	return nil
}

// broken is the fault p as a flow.
func broken(p *fault) numberFlow {
	return stream.FlowFunc[uint64, uint64](func(src numberSource) numberSource {
		if p == nil {
			return src
		}
		return stream.SourceFunc[uint64](func(ctx context.Context, emit func(uint64) error) error {
			err := src.Each(ctx, func(v uint64) error {
				if err := p.hit(ctx); err != nil {
					return err
				}
				return emit(v)
			})
			if err == nil {
				err = p.ended(ctx)
			}
			return err
		})
	})
}

// same is an operator that passes its elements on.
func same(name string, flow func(b *builder, p *fault) numberFlow) operator {
	return operator{name, func(b *builder, in model, _ int) (numberFlow, model, string) {
		p := b.quiet()
		return flow(b, p), in, note(p)
	}}
}

// ordered is an operator that fits only if the order of the elements is known.
func ordered(name string, make func(b *builder, in []uint64, p *fault) (numberFlow, []uint64)) operator {
	return operator{name, func(b *builder, in model, _ int) (numberFlow, model, string) {
		if !in.exact() {
			return nil, in, ""
		}
		p := b.quiet()
		flow, out := make(b, in.list(), p)
		return flow, list(out), note(p)
	}}
}

// called is an operator with a slow function that can fail.
func called(name string,
	flow func(b *builder, in model, f func(context.Context, uint64) (uint64, error)) (numberFlow, model),
) operator {
	return operator{name, func(b *builder, in model, _ int) (numberFlow, model, string) {
		p, salt, lazy := b.fault(), b.nextSalt(), b.chance(2)
		f, out := flow(b, in.each(func(v uint64) uint64 { return mix(v, salt) }),
			func(ctx context.Context, v uint64) (uint64, error) {
				if err := p.hit(ctx); err != nil {
					return 0, err
				}
				if lazy {
					if err := dawdle(ctx, v); err != nil {
						return 0, err
					}
				}
				return mix(v, salt), nil
			})
		return f, out, note(p)
	}}
}

// counted is an operator with a numeric setting.
func counted(name string, lo, hi int, flow func(b *builder, in model, n int) (numberFlow, model)) operator {
	return operator{name, func(b *builder, in model, _ int) (numberFlow, model, string) {
		n := b.number(lo, hi)
		f, out := flow(b, in, n)
		return f, out, fmt.Sprintf("[%d]", n)
	}}
}

// makesSeveral is the function of an operator that makes several elements of each.
type makesSeveral func(b *builder, split func(uint64) []uint64) numberFlow

// adjacent is an operator whose several elements of one follow each other.
func adjacent(name string, flow makesSeveral) operator { return spread(name, model.expand, flow) }

// scattered is an operator that mixes the elements of one with those of others.
func scattered(name string, flow makesSeveral) operator { return spread(name, model.scatter, flow) }

func spread(name string, output func(in model, n int, split func(uint64) []uint64) model, flow makesSeveral) operator {
	return operator{name, func(b *builder, in model, _ int) (numberFlow, model, string) {
		p, salt, n := b.quiet(), b.nextSalt(), b.number(1, 3)
		out := output(in, n, func(v uint64) []uint64 { return children(v, salt, n) })
		return flow(b, func(v uint64) []uint64 { p.pass(); return children(v, salt, n) }),
			out, fmt.Sprintf("[%d]%s", n, note(p))
	}}
}

// identity returns the identity function, with the fault p in it.
func identity(p *fault) func(uint64) uint64 {
	return func(v uint64) uint64 { p.pass(); return v }
}

// collected returns a sink that records its elements, with the fault p in it. After the run it
// checks that they fit the model m.
func (b *builder) collected(name string, m model, p *fault) stream.Sink[uint64, int64] {
	var got []uint64
	b.checks = append(b.checks, func() string {
		if d := m.check(got, false); d != "" {
			return "the sink of " + name + ": " + d
		}
		return ""
	})
	return sink.ForEach(func(ctx context.Context, v uint64) error {
		if err := p.hit(ctx); err != nil {
			return err
		}
		got = append(got, v)
		return nil
	})
}

var (
	errGraphTransient = stream.Mark(errors.New("it will come right"), stream.Retryable)
	errGraphBad       = stream.Mark(errors.New("a bad element"), stream.Data)
)
