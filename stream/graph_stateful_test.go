package stream_test

import (
	"slices"

	"github.com/millweir/millweir/stream"
)

// stateful returns the operators that depend on the order of their input.
func stateful() []operator {
	return []operator{
		ordered("TakeWhile", func(_ *builder, in []uint64, p *fault) (numberFlow, []uint64) {
			keep := func(v uint64) bool { return v%6 != 0 }
			end := slices.IndexFunc(in, func(v uint64) bool { return !keep(v) })
			if end < 0 {
				end = len(in)
			}
			return stream.TakeWhile(func(v uint64) bool { p.pass(); return keep(v) }), in[:end]
		}),
		ordered("SkipWhile", func(_ *builder, in []uint64, p *fault) (numberFlow, []uint64) {
			drop := func(v uint64) bool { return v%3 != 0 }
			begin := slices.IndexFunc(in, func(v uint64) bool { return !drop(v) })
			if begin < 0 {
				begin = len(in)
			}
			return stream.SkipWhile(func(v uint64) bool { p.pass(); return drop(v) }), in[begin:]
		}),
		ordered("Scan", func(b *builder, in []uint64, p *fault) (numberFlow, []uint64) {
			return scanned(p, b.nextSalt(), in)
		}),
		ordered("Intersperse", func(b *builder, in []uint64, p *fault) (numberFlow, []uint64) {
			var out []uint64
			for i, v := range in {
				if i > 0 {
					out = append(out, 7)
				}
				out = append(out, v)
			}
			scan, out := scanned(p, b.nextSalt(), out) // the separators must differ
			return stream.Then(stream.Intersperse(uint64(7)), scan), out
		}),
		ordered("Enumerate", func(_ *builder, in []uint64, p *fault) (numberFlow, []uint64) {
			var out []uint64
			for i, v := range in {
				out = append(out, mix(v, uint64(i)))
			}
			return stream.Then(stream.Enumerate[uint64](), stream.Map(func(x stream.Pair[int64, uint64]) uint64 {
				p.pass()
				return mix(x.Second, uint64(x.First))
			})), out
		}),
		ordered("MapState", func(_ *builder, in []uint64, p *fault) (numberFlow, []uint64) {
			var out []uint64
			for i, v := range in {
				out = append(out, mix(v, uint64(i+1)))
			}
			return stream.MapState(func() uint64 { return 0 },
				func(n *uint64, v uint64) (uint64, error) { p.pass(); *n++; return mix(v, *n), nil }), out
		}),
		ordered("Sliding apart", func(b *builder, in []uint64, p *fault) (numberFlow, []uint64) {
			var out []uint64
			for i := 0; i < len(in); i += 3 {
				out = append(out, mix(in[i:min(i+2, len(in))]...))
			}
			return stream.Then(stream.Sliding[uint64](2, 3),
				stream.Map(func(xs []uint64) uint64 { p.pass(); return mix(xs...) })), out
		}),
		ordered("first of SplitWhen", func(_ *builder, in []uint64, p *fault) (numberFlow, []uint64) {
			cut := func(v uint64) bool { return v%3 == 0 }
			var out []uint64
			for i, v := range in {
				if i == 0 || cut(v) {
					out = append(out, v)
				}
			}
			return stream.Then(stream.SplitWhen(func(v uint64) bool { p.pass(); return cut(v) }),
				stream.ConcatMap(func(s numberSource) numberSource {
					return stream.Via(s, stream.Take[uint64](1))
				})), out
		}),
	}
}

// scanned returns a Scan with distinct results, and the model of its output for the input in.
func scanned(p *fault, salt uint64, in []uint64) (numberFlow, []uint64) {
	var out []uint64
	r := salt
	for _, v := range in {
		r = mix(r, v)
		out = append(out, r)
	}
	return stream.Scan(salt, func(r, v uint64) uint64 { p.pass(); return mix(r, v) }), out
}
