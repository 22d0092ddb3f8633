package stream_test

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// fanIn builds a graph of size operators. The last one merges several nodes.
func (b *builder) fanIn(size int) node {
	if b.chance(6) {
		return b.sorted()
	}
	all, text := b.nodes(b.number(1, 3), size-1)
	var srcs []numberSource
	var ms []model
	exact := true
	for _, n := range all {
		srcs, ms = append(srcs, n.src), append(ms, n.m)
		exact = exact && n.m.exact()
	}
	if exact && b.chance(2) {
		return b.inStep(srcs, ms, text)
	}
	switch k := b.rng.IntN(6); {
	case k == 0:
		return node{stream.Concat(srcs...), inTurn(ms...), "Concat" + text}
	case k == 1:
		return node{stream.MergePreferred(srcs[0], srcs[1:]...), together(ms...), "MergePreferred" + text}
	case k == 2:
		weights := make([]int, len(srcs))
		for i := range weights {
			weights[i] = b.number(1, 3)
		}
		return node{stream.MergeWeighted(weights, srcs...), together(ms...), "MergeWeighted" + text}
	case k == 3 && len(srcs) > 1 && (ms[0].lo > 0 || ms[0].hi == 0):
		m := ms[0]
		if m.hi == 0 {
			m = ms[1]
			if b.drained != nil { // if the drain comes first, the second source does not run
				m.lo = 0
			}
		}
		return node{stream.OrElse(srcs[0], srcs[1]), m, "OrElse" + text}
	}
	if b.chance(3) {
		return node{mergedByHub(srcs...), together(ms...), "MergeHub" + text}
	}
	return node{stream.Merge(srcs...), together(ms...), "Merge" + text}
}

// inStep combines nodes of known order element by element.
func (b *builder) inStep(srcs []numberSource, ms []model, text string) node {
	var lists [][]uint64
	shortest := ms[0].hi
	for _, m := range ms {
		lists = append(lists, m.list())
		shortest = min(shortest, m.hi)
	}
	two := len(srcs) > 1
	salt := b.nextSalt()
	p := b.quiet()
	pair := func(x, y uint64) uint64 { p.pass(); return mix(x, y, salt) }
	fold := stream.Map(func(vs []uint64) uint64 { p.pass(); return mix(vs...) })
	row := func(i int) []uint64 {
		var vs []uint64
		for _, xs := range lists {
			if i < len(xs) {
				vs = append(vs, xs[i])
			}
		}
		return vs
	}
	var out []uint64
	switch k := b.rng.IntN(4); {
	case k == 0 && two:
		for i := range min(len(lists[0]), len(lists[1])) {
			out = append(out, mix(lists[0][i], lists[1][i], salt))
		}
		fold := stream.Map(func(xy stream.Pair[uint64, uint64]) uint64 { return pair(xy.First, xy.Second) })
		return node{stream.Via(stream.Zip(srcs[0], srcs[1]), fold), list(out), "Zip" + note(p) + text}
	case k == 1 && two && b.drained == nil: // a drain ends both, and elements of the one ahead have no partner
		pad := func(xs []uint64, i int, pad uint64) uint64 {
			if i < len(xs) {
				return xs[i]
			}
			return pad
		}
		for i := range max(len(lists[0]), len(lists[1])) {
			out = append(out, mix(pad(lists[0], i, 1), pad(lists[1], i, 2), salt))
		}
		pairs := stream.ZipAll(srcs[0], srcs[1], 1, 2)
		both := stream.Map(func(p stream.Pair[uint64, uint64]) uint64 { return pair(p.First, p.Second) })
		return node{stream.Via(pairs, both), list(out), "ZipAll" + note(p) + text}
	case k == 2:
		for i := range shortest {
			out = append(out, mix(row(i)...))
		}
		return node{stream.Via(stream.ZipN(srcs...), fold), list(out), "ZipN" + note(p) + text}
	}
	n := b.number(1, 3)
	for rest := lists; len(rest) > 0; {
		var left [][]uint64
		for _, xs := range rest {
			k := min(n, len(xs))
			out = append(out, xs[:k]...)
			if k < len(xs) {
				left = append(left, xs[k:])
			}
		}
		rest = left
	}
	return node{stream.Interleave(n, srcs...), list(out), fmt.Sprintf("Interleave[%d]%s", n, text)}
}

// sorted builds a graph that merges sources sorted by an order of their elements.
func (b *builder) sorted() node {
	if b.drained != nil {
		return b.leaf() // a part that ends early leaves a gap
	}
	xs := children(b.nextSalt(), b.seed, b.number(0, 20))
	slices.Sort(xs)
	parts := make([][]uint64, b.number(1, 3))
	for _, x := range xs {
		i := b.rng.IntN(len(parts))
		parts[i] = append(parts[i], x)
	}
	var srcs []numberSource
	text := ""
	for _, part := range parts {
		src := source.Slice(part)
		p := b.fault()
		srcs = append(srcs, stream.Via(src, broken(p)))
		text += fmt.Sprintf("(Slice(%d)%s)", len(part), note(p))
	}
	if b.chance(2) {
		return node{stream.MergeSorted(cmp.Compare[uint64], srcs...), list(xs), "MergeSorted" + text}
	}
	rank := map[uint64]int64{}
	for i, x := range xs {
		rank[x] = int64(i)
	}
	return node{
		stream.MergeSequence(func(x uint64) int64 { return rank[x] }, srcs...),
		list(xs), "MergeSequence" + text,
	}
}
