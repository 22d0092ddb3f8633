package stream_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// fanOuts are the operators that contain flows.
func fanOuts() []operator {
	return []operator{
		{"Broadcast", func(b *builder, in model, size int) (numberFlow, model, string) {
			flows, ms, text := b.branches(b.number(1, 3), size, func(int) model { return in })
			return stream.Broadcast(flows...), together(ms...), text
		}},
		{"Partition", func(b *builder, in model, size int) (numberFlow, model, string) {
			p, n := b.quiet(), b.number(1, 3)
			choose := func(v uint64) int { return int(v % uint64(n)) }
			flows, ms, text := b.branches(n, size, func(i int) model {
				return in.keep(func(v uint64) bool { return choose(v) == i })
			})
			out := together(ms...)
			return stream.Partition(func(v uint64) int { p.pass(); return choose(v) }, flows...), out, note(p) + text
		}},
		{"Balance", func(b *builder, in model, _ int) (numberFlow, model, string) {
			salt := b.nextSalt()
			var flows []numberFlow
			text := ""
			for range b.number(1, 3) {
				p := b.fault()
				flows = append(flows, stream.TryMap(func(ctx context.Context, v uint64) (uint64, error) {
					if err := p.hit(ctx); err != nil {
						return 0, err
					}
					return mix(v, salt), dawdle(ctx, v)
				}))
				text += "(TryMap" + note(p) + ")"
			}
			return stream.Balance(flows...), in.each(func(v uint64) uint64 { return mix(v, salt) }).apart(), text
		}},
		{"GroupBy", func(b *builder, in model, size int) (numberFlow, model, string) {
			p, n := b.quiet(), b.number(1, 4)
			key := func(v uint64) int { return int(v % uint64(n)) }
			group := func(i int) model { return in.keep(func(v uint64) bool { return key(v) == i }) }
			flows, ms, text := b.branches(n, size, group)
			for i := range ms { // the first element opens a flow
				if group(i).lo == 0 {
					ms[i].lo = 0
				}
				if group(i).hi == 0 {
					ms[i] = model{}
				}
			}
			out := together(ms...)
			return deferred(func() numberFlow { // for each run: the model knows one flow a key
				opened := make([]bool, n)
				return stream.GroupBy(n, func(v uint64) int { p.pass(); return key(v) }, func(k int) numberFlow {
					if opened[k] { // its flow ended early, and more elements came
						return stream.Filter(func(uint64) bool { return false })
					}
					opened[k] = true
					// These may end before the first element of their group, which is an error.
					if strings.Contains(text, "FlowOf(") || strings.Contains(text, "Take[0]") {
						return afterFirst(flows[k])
					}
					return flows[k]
				}, nil)
			}), out, note(p) + text
		}},
		{"FlatMapPrefix, of none", func(b *builder, in model, size int) (numberFlow, model, string) {
			flow, out, text := b.chain(in, size)
			return stream.FlatMapPrefix(0, func(context.Context, []uint64) (numberFlow, error) { return flow, nil }),
				out, "(" + text + ")"
		}},
	}
}

// branches builds n flows with size operators in total, and the models of their outputs. in returns
// the model of each upstream.
func (b *builder) branches(n, size int, in func(i int) model) ([]numberFlow, []model, string) {
	var flows []numberFlow
	var ms []model
	var texts []string
	for i := range n {
		mine := b.number(0, size)
		size -= mine
		flow, m, text := b.chain(in(i), mine)
		flows, ms, texts = append(flows, flow), append(ms, m), append(texts, text)
	}
	return flows, ms, fmt.Sprintf("[%d](%s)", n, strings.Join(texts, "; "))
}

// afterFirst returns flow, but takes the first element before flow starts.
func afterFirst(flow numberFlow) numberFlow {
	return stream.FlatMapPrefix(1, func(_ context.Context, head []uint64) (numberFlow, error) {
		return stream.FlowFunc[uint64, uint64](func(rest stream.Source[uint64]) stream.Source[uint64] {
			return stream.Via(stream.Concat(source.Slice(head), rest), flow)
		}), nil
	})
}

// deferred returns a flow that calls make for each run.
func deferred(make func() numberFlow) numberFlow {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[uint64], emit func(uint64) error) error {
		return stream.Via(src, make()).Each(ctx, emit)
	})
}
