package main

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/destel/rill"
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/bench/pekko"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	concstream "github.com/sourcegraph/conc/stream"
)

const (
	mapped   = 20_000                // elements of a run of the ordered maps
	workTime = 720 * time.Nanosecond // of one call
)

// orderedMap maps on several goroutines and keeps the order, with work of 0.6 to 0.85 µs an
// element. Its cost is the overhead over the ideal: one goroutine a core, without communication.
func orderedMap(java pekko.Peer) report.Case {
	c, ideal := orderedMaps(java)
	c.Name, c.About = "ordered-map", "ordered map over about 0.7 µs of work, beyond the work itself"
	c.Peers[futures].Bar = report.Bar{Least: 3}
	c.Ours.Base = &ideal
	for i := range c.Peers {
		c.Peers[i].Base = &ideal
	}
	if work, ok := java.Work(c, "ideal-map", spins()); ok { // it may cost more or less in the JVM
		c.Peers[len(c.Peers)-1].Base = &report.Peer{Name: "Pekko, ideal", Work: work}
	}
	return c
}

// futures is the index of the peer with channels of futures, which the bars refer to.
const futures = 2

// orderedMapWall measures orderedMap by wall time.
func orderedMapWall(java pekko.Peer) report.Case {
	c, ideal := orderedMaps(java)
	c.Name, c.About, c.By = "ordered-map-wall", "ordered map over about 0.7 µs of work, as time passes", report.Wall
	ideal.Bar = report.Bar{Least: 1 / 1.15}
	c.Peers = append([]report.Peer{ideal}, c.Peers...)
	return c
}

// orderedMaps returns the competitors, and the ideal.
func orderedMaps(java pekko.Peer) (c report.Case, ideal report.Peer) {
	times := spins()
	work := func(v int) int { return spin(v, times) }
	ideal = report.Peer{Name: "ideal: nothing handed over", Run: func() (int64, error) { return mapIdeal(work) }}
	want, _ := ideal.Run()
	return java.Join(report.Case{
		Name: "ordered-map",
		Unit: "element", Units: mapped, Want: want,
		Ours: report.Peer{Name: "millweir MapParallel", Run: func() (int64, error) { return ourMap(work) }},
		Peers: []report.Peer{
			{Name: "destel/rill OrderedMap", Run: func() (int64, error) { return rillMap(work) }},
			{Name: "sourcegraph/conc stream", Run: func() (int64, error) { return concMap(work) }},
			{Name: "channels of futures", Run: func() (int64, error) { return mapByFutures(work) }},
		},
	}, pekko.Job{Arg: times}), ideal
}

// orderedMapNothing is orderedMap with a trivial function: all cost is overhead.
func orderedMapNothing(java pekko.Peer) report.Case {
	return java.Join(report.Case{
		Name: "ordered-map-nothing", About: "ordered map over an addition",
		Unit: "element", Units: mapped, Want: sum(numbers[:mapped]) + mapped,
		Ours: report.Peer{Name: "millweir MapParallel", Run: func() (int64, error) { return ourMap(addOne) }},
		Peers: []report.Peer{
			{Name: "destel/rill OrderedMap", Run: func() (int64, error) { return rillMap(addOne) }},
			{Name: "sourcegraph/conc stream", Run: func() (int64, error) { return concMap(addOne) }},
			{
				Name: "channels of futures", Run: func() (int64, error) { return mapByFutures(addOne) },
				Bar: report.Bar{Least: 10},
			},
		},
	}, pekko.Job{})
}

// cores is the number of workers of a map over pure computation, the same for every competitor.
var cores = runtime.GOMAXPROCS(0)

func ourMap(f func(int) int) (int64, error) {
	return ourSum(stream.Via(source.Slice(numbers[:mapped]),
		stream.MapParallel(cores, func(_ context.Context, v int) (int, error) {
			return f(v), nil
		})))
}

func rillMap(f func(int) int) (int64, error) {
	return rillSum(rill.OrderedMap(rill.FromSlice(numbers[:mapped], nil), cores,
		func(v int) (int, error) { return f(v), nil }))
}

func concMap(f func(int) int) (int64, error) {
	var total int64
	s := concstream.New().WithMaxGoroutines(cores)
	for _, v := range numbers[:mapped] {
		s.Go(func() concstream.Callback {
			u := f(v)
			return func() { total += int64(u) }
		})
	}
	s.Wait()
	return total, nil
}

// mapByFutures is the usual code with channels: a worker sends each result to a channel for that
// element, and a queue holds these channels in order.
func mapByFutures(f func(int) int) (int64, error) {
	type job struct {
		v      int
		answer chan int
	}
	jobs := make(chan job, ahead)
	line := make(chan chan int, ahead)
	for range cores {
		go func() {
			for j := range jobs {
				j.answer <- f(j.v)
			}
		}()
	}
	go func() {
		defer close(jobs)
		defer close(line)
		for _, v := range numbers[:mapped] {
			answer := make(chan int, 1)
			line <- answer
			jobs <- job{v, answer}
		}
	}()
	var total int64
	for answer := range line {
		total += int64(<-answer)
	}
	return total, nil
}

// mapIdeal is the ideal: every core gets its share of the elements at the start.
func mapIdeal(f func(int) int) (int64, error) {
	sums := make([]int64, cores)
	var wg sync.WaitGroup
	for i := range cores {
		wg.Go(func() {
			var mine int64
			for _, v := range numbers[mapped*i/cores : mapped*(i+1)/cores] {
				mine += int64(f(v))
			}
			sums[i] = mine
		})
	}
	wg.Wait()
	var total int64
	for _, s := range sums {
		total += s
	}
	return total, nil
}

// spin does steps of a random generator. Each step depends on the last, so that a core cannot run
// two at a time.
func spin(v, times int) int {
	x := uint64(v) | 1
	for range times {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return int(x & 0xffff)
}

// spins is the number of steps of spin that take workTime.
var spins = sync.OnceValue(func() int {
	const steps = 10_000
	best := time.Hour
	for i := range 200 {
		began := time.Now()
		runtime.KeepAlive(spin(i, steps)) // otherwise the compiler could remove the call
		best = min(best, time.Since(began))
	}
	return int(steps * workTime / best)
})
