package stream_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// drained counts, in a run that is drained, the elements that each source has emitted.
type drained struct {
	ops     []operator
	emitted []*atomic.Int64
}

// listed returns the node of a source that emits xs. If the run will be drained, listed counts the
// elements of the source and often makes it slow.
func (b *builder) listed(src numberSource, xs []uint64, text string) node {
	i := b.sources
	b.sources++
	if b.drained == nil {
		return node{src, list(xs), text}
	}
	n := new(atomic.Int64)
	b.drained.emitted = append(b.drained.emitted, n)
	counted := stream.SourceFunc[uint64](func(ctx context.Context, emit func(uint64) error) error {
		return src.Each(ctx, func(v uint64) error {
			n.Add(1)
			return emit(v)
		})
	})
	if b.limits != nil {
		xs = xs[:min(len(xs), b.limits[min(i, len(b.limits)-1)])]
	}
	if b.chance(4) {
		return node{counted, list(xs), text}
	}
	return node{stream.Via(counted, streamtest.Slow[uint64](time.Millisecond)), list(xs), text + " | Slow"}
}

// drain makes the graph's run drain after a random time.
func (g *graph) drain(src numberSource, each stream.Sink[uint64, int64]) {
	d := time.Duration(g.number(0, 12)) * time.Millisecond
	g.drained.ops = g.flows
	g.text += fmt.Sprintf(" -> Go, drained after %v", d)
	g.run = func(ctx context.Context) error {
		r := stream.Go(ctx, src, each)
		defer time.AfterFunc(d, r.Drain).Stop()
		_, err := r.Wait()
		return err
	}
}

// judgeDrain checks the output of a drained run. It must be the whole output of the same graph over
// the elements that the sources emitted. If shorter sources change the graph itself, the output is
// not compared.
func (g *graph) judgeDrain() string {
	limits := []int{0}
	for i, n := range g.drained.emitted {
		limits = append(limits[:i], int(n.Load()))
	}
	short := newGraph(g.seed, g.drained.ops, limits)
	if g.compared = short.text == g.text; !g.compared {
		return ""
	}
	if said := short.m.check(g.got, true); said != "" {
		return fmt.Sprintf("drained, its sources emitted %v elements: %s", limits, said)
	}
	return ""
}
