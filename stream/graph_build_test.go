package stream_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

type (
	numberSource = stream.Source[uint64]
	numberFlow   = stream.Flow[uint64, uint64]
)

// builder makes a random graph and its model.
type builder struct {
	*faults
	rng    *rand.Rand
	flows  []operator
	rate   float64         // probability of a fault at each possible place
	used   []string        // the operators of the graph
	left   int             // faults that may still be placed
	salt   uint64          // gives different operators different elements
	checks []func() string // run after the graph

	drained *drained // the observations of a drained run; nil for other runs
	limits  []int    // maximum numbers of elements of the sources in the model; nil for no limit
	sources int      // built so far
}

// operator is a kind of flow in graphs.
type operator struct {
	name string
	// make returns a flow for an upstream with the model in, the model of the flow's output, and a
	// text of its settings. The flow is nil if the operator does not fit. make may use up to size
	// operators in the flow.
	make func(b *builder, in model, size int) (numberFlow, model, string)
}

// node is a part of a graph that emits.
type node struct {
	src  numberSource
	m    model
	text string
}

// number returns a random number from lo to hi.
func (b *builder) number(lo, hi int) int { return lo + b.rng.IntN(hi-lo+1) }

// chance returns true once in n calls, on average.
func (b *builder) chance(n int) bool { return b.rng.IntN(n) == 0 }

func (b *builder) nextSalt() uint64 {
	b.salt++
	return b.salt
}

// fault returns a fault for code that can return an error, or nil for none.
func (b *builder) fault() *fault {
	return b.choose(toFail, toCancel, toPanic, toExit, toSlow, toFail)
}

// quiet returns a fault for code that cannot return an error, or nil for none.
func (b *builder) quiet() *fault { return b.choose(toCancel, toPanic, toExit, toSlow) }

func (b *builder) choose(kinds ...trouble) *fault {
	if b.left == 0 || b.rng.Float64() >= b.rate {
		return nil
	}
	b.left--
	at := b.number(0, 4)
	if b.chance(4) {
		at = b.number(0, 60)
	}
	return &fault{
		f: b.faults, kind: kinds[b.rng.IntN(len(kinds))], at: at,
		lag: time.Duration(b.number(1, 4)) * time.Millisecond,
	}
}

// note describes a fault in the text of a graph.
func note(p *fault) string {
	switch {
	case p == nil:
		return ""
	case p.kind == toSlow:
		return "!slow"
	}
	return fmt.Sprintf("!%v@%d", p.kind, p.at)
}

// node builds a graph of size operators.
func (b *builder) node(size int) node {
	var n node
	switch {
	case size <= 0:
		n = b.leaf()
	case b.chance(4):
		n = b.fanIn(size)
	default:
		own := 0
		if size > 2 && b.chance(2) {
			own = b.number(1, size-1)
		}
		n = b.node(size - 1 - own)
		flow, m, text := b.flow(n.m, own)
		n = node{stream.Via(n.src, flow), m, n.text + " | " + text}
	}
	if b.chance(2) {
		n.src = guarded(b.faults, n.text, n.src)
	}
	return n
}

// nodes builds n graphs with size operators in total.
func (b *builder) nodes(n, size int) ([]node, string) {
	all := make([]node, n)
	var texts []string
	for i := range all {
		mine := size
		if i < n-1 {
			mine = b.number(0, size)
		}
		size -= mine
		all[i] = b.node(mine)
		texts = append(texts, all[i].text)
	}
	return all, "(" + strings.Join(texts, ", ") + ")"
}

// leaf builds a source.
func (b *builder) leaf() node {
	if b.chance(10) {
		return b.restarted()
	}
	n := b.number(0, 8)
	switch b.rng.IntN(8) {
	case 0:
		n = b.number(30, 80)
	case 1:
		n = b.number(15, 18) // about the size of buffers
	}
	xs := children(b.nextSalt(), b.seed, n)
	return b.listed(source.Slice(xs), xs, fmt.Sprintf("Slice(%d)", n))
}

// restarted builds a source that fails at times and is restarted.
func (b *builder) restarted() node {
	xs := children(b.nextSalt(), b.seed, b.number(0, 12))
	n := b.number(1, 4)
	from := func(i int) numberSource {
		return stream.Via(source.Slice(xs[i:]), streamtest.FailAt[uint64](n, errGraphTransient))
	}
	rank := map[uint64]int{}
	for i, x := range xs {
		rank[x] = i
	}
	src := stream.Restart(from(0), func(x uint64) int { return rank[x] },
		func(i int) numberSource { return from(i + 1) },
		&stream.RestartOptions{Backoff: stream.Backoff{Min: time.Millisecond, MaxRetries: -1}})
	return b.listed(src, xs, fmt.Sprintf("Restart[%d](Slice(%d))", n, len(xs)))
}

// flow builds a flow of one operator that fits the upstream's model, with up to size more operators
// in it.
func (b *builder) flow(in model, size int) (numberFlow, model, string) {
	for {
		op := b.flows[b.rng.IntN(len(b.flows))]
		flow, m, text := op.make(b, in, size)
		if flow != nil && m.total() <= 400 {
			b.used = append(b.used, op.name)
			return flow, m, op.name + text
		}
	}
}

// chain builds a flow of size operators, at least one.
func (b *builder) chain(in model, size int) (numberFlow, model, string) {
	flow, m, text := tag(b, in, 0)
	text = "Tag" + text
	for range size {
		next, out, more := b.flow(m, 0)
		flow, m, text = stream.Then(flow, next), out, text+" | "+more
	}
	return flow, m, text
}

// tag is an operator that gives the elements of each branch different values.
func tag(b *builder, in model, _ int) (numberFlow, model, string) {
	p, salt := b.quiet(), b.nextSalt()
	f := func(v uint64) uint64 { return mix(v, salt) }
	return stream.Map(func(v uint64) uint64 { p.pass(); return f(v) }), in.each(f), note(p)
}
