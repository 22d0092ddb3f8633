package stream_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

var (
	graphs    = flag.Int("graphs", 4000, "how many random graphs TestGraphs runs")
	graphSeed = flag.Uint64("seed", 0, "run only the random graph of this seed, many times")
)

// TestGraphs runs random graphs of operators, with faults at random stages, and compares each
// result with a sequential model. No run deadlocks or leaves a goroutine, the first error is kept,
// and the output is a prefix of the model's. An error of nil means that it is the whole output. The
// test prints the seed of a graph that fails; go test -run TestGraphs -seed N runs it again.
func TestGraphs(t *testing.T) {
	ops := operators()
	if *graphSeed != 0 {
		var g *graph
		for range 500 { // the result may depend on which goroutine runs first
			var said string
			if g, said = tryGraph(t, *graphSeed, ops); said != "" {
				t.Fatal(said)
			}
		}
		t.Logf("graph %d: %s", *graphSeed, g.text)
		return
	}
	failed := 0
	seen := tally{}
	for seed := range uint64(*graphs) {
		g, said := tryGraph(t, seed+1, ops)
		if said != "" {
			t.Error(said)
			if failed++; failed == 10 {
				t.Fatal("these are enough")
			}
		}
		seen.add(g)
	}
	if *graphs >= 1000 {
		seen.check(t, ops)
	}
	t.Log(seen)
}

// tally counts the operators and faults of the graphs.
type tally map[string]int

func (n tally) add(g *graph) {
	for _, name := range g.used {
		n[name]++
	}
	for _, p := range g.first {
		n[p.kind.String()]++
	}
	if len(g.first) == 0 && g.cancelled.IsZero() {
		n["no fault"]++
	}
	if len(g.got) > 0 {
		n["output"]++
	}
	if g.drained != nil {
		n["drain"]++
		if g.compared {
			n["drain, compared"]++
		}
	}
}

// check fails the test unless every operator and every fault occurred: without an occurrence, the
// test proves nothing about it.
func (n tally) check(t *testing.T, ops []operator) {
	for _, op := range ops {
		if n[op.name] == 0 {
			t.Errorf("no graph had the operator %s", op.name)
		}
	}
	for _, what := range []string{
		"no fault", "output", "error", "cancel", "panic",
		"exit", "drain", "drain, compared",
	} {
		if n[what] < *graphs/100 {
			t.Errorf("only %d graphs of %d had: %s", n[what], *graphs, what)
		}
	}
}

func operators() []operator {
	return slices.Concat(plain(), stateful(), fanOuts(), joints())
}

// graph is a random graph with a sink.
type graph struct {
	*builder
	node
	run func(ctx context.Context) error // runs the sink
	got []uint64                        // the elements that the sink got

	compared bool // the output of a drained run was compared with the model
}

// newGraph builds the graph of a seed. Call it in a bubble.
func newGraph(seed uint64, ops []operator, limits []int) *graph {
	rng := rand.New(rand.NewPCG(seed, 0))
	b := &builder{faults: &faults{seed: seed}, rng: rng, flows: ops, salt: 1 << 32, limits: limits}
	if b.chance(8) {
		b.drained = new(drained)
	} else if !b.chance(4) {
		b.left, b.rate = b.number(1, 3), 0.5
	}
	g := &graph{builder: b, node: b.node(b.number(1, 8))}
	g.end()
	return g
}

// end adds a sink to the graph.
func (g *graph) end() {
	p := g.fault()
	each := sink.ForEach(func(ctx context.Context, v uint64) error {
		if err := p.hit(ctx); err != nil {
			return err
		}
		g.got = append(g.got, v)
		return nil
	})
	src := g.src
	if g.drained != nil {
		g.drain(src, each)
		return
	}
	switch g.rng.IntN(6) {
	case 0:
		n := g.number(1, 12)
		g.m, g.text = g.m.take(n), fmt.Sprintf("%s -> break[%d]", g.text, n)
		g.run = func(ctx context.Context) error {
			for v, err := range stream.All(ctx, src) {
				if err != nil {
					return err
				}
				if g.got = append(g.got, v); len(g.got) == n {
					g.away = true
					break
				}
			}
			return nil
		}
	case 1:
		g.text += " -> Go" + note(p)
		g.run = func(ctx context.Context) error {
			_, err := stream.Go(ctx, src, each).Wait()
			return err
		}
	case 2:
		g.text += " -> StallTimeout" + note(p)
		g.run = func(ctx context.Context) error {
			_, err := stream.Run(ctx, src, stream.StallTimeout(longest, each))
			return err
		}
	default:
		g.text += " -> ForEach" + note(p)
		g.run = func(ctx context.Context) error {
			_, err := stream.Run(ctx, src, each)
			return err
		}
	}
}

// tryGraph runs the graph of a seed and returns a description of any failure.
func tryGraph(t *testing.T, seed uint64, ops []operator) (g *graph, said string) {
	// The alarm runs in real time. It goes off if the graph spins or waits for a lock.
	alarm := time.AfterFunc(time.Minute, func() {
		panic(fmt.Sprintf("graph %d does not come to its end", seed))
	})
	defer alarm.Stop()
	defer func() {
		if v := recover(); v != nil {
			said += fmt.Sprintf("; goroutines are blocked for ever: %v", v)
		}
		if said = strings.TrimPrefix(said, "; "); said != "" {
			said = fmt.Sprintf("graph %d: %s: %s\nagain: go test -run TestGraphs -seed %d", seed, g.text, said, seed)
		}
	}()
	synctest.Test(t, func(*testing.T) {
		g = newGraph(seed, ops, nil)
		said = g.try()
	})
	return g, said
}

// try runs the graph and returns a description of any failure.
func (g *graph) try() string {
	idle := runtime.NumGoroutine()
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	g.stop = stop
	if g.rate > 0 && g.chance(6) {
		d := time.Duration(g.number(0, 40)) * time.Millisecond
		g.text += fmt.Sprintf(", cancelled after %v", d)
		defer time.AfterFunc(d, g.cancel).Stop()
	}
	var e ending
	done := make(chan struct{})
	go func() {
		returned := false
		defer close(done)
		defer func() {
			if !returned {
				e.panicked = recover()
				e.exited = e.panicked == nil
			}
			e.at = time.Now()
		}()
		e.err = g.run(ctx)
		returned = true
	}()
	select {
	case <-done:
	case <-time.After(2 * longest):
		return "it hangs:\n" + stacks()
	}
	if left := leftovers(idle); left != "" {
		return "goroutines are left:\n" + left
	}
	if said := g.judge(e); said != "" {
		return said
	}
	if g.drained != nil {
		return g.judgeDrain()
	}
	whole := e.err == nil && e.panicked == nil && !e.exited
	if said := g.m.check(g.got, whole); said != "" {
		return fmt.Sprintf("%s (%v)", said, e)
	}
	for _, check := range g.checks {
		if said := check(); said != "" {
			return said
		}
	}
	return ""
}

// leftovers returns the stacks of all goroutines if there are more than idle, once the ending ones
// have gone. The bubble itself has three.
func leftovers(idle int) string {
	for range 10 {
		synctest.Wait()
		if runtime.NumGoroutine() <= idle {
			return ""
		}
		runtime.Gosched()
	}
	all := stacks() // the count may be wrong, because the runtime starts goroutines too
	_, bubble, _ := strings.Cut(all[:strings.Index(all, "]:")], "synctest bubble ")
	if strings.Count(all, ", synctest bubble "+bubble+"]:") <= 3 {
		return ""
	}
	return all
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}
