package main

import (
	"context"
	"fmt"
	"time"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/internal/rusage"
)

var background = context.Background()

// flat is the bar of a cost that does not grow, except by the cache misses of more memory.
var flat = report.Bar{Least: 0.4}

// point is the work of a case at one size.
type point struct {
	units int          // elements
	run   func() error // handles all elements
	setup func() error // work of run that does not count, such as the start of goroutines; may be nil

	// instead of run: calls begin when the work begins, after the start of its goroutines
	runFrom func(begin func()) error
}

// compare returns a case that compares the largest size with the others.
func compare(c report.Case, sizes []int, what string, bar report.Bar, at func(n int) point) report.Case {
	peer := func(n int) report.Peer { return at(n).peer(fmt.Sprintf("%d %s", n, what), bar) }
	last := len(sizes) - 1
	c.Ours = peer(sizes[last])
	c.Ours.Bar = report.Bar{}
	for _, n := range sizes[:last] {
		c.Peers = append(c.Peers, peer(n))
	}
	c.Units = 1
	return c
}

// peer returns the point as a competitor.
func (p point) peer(name string, bar report.Bar) report.Peer {
	work := report.Peer{Name: name, Work: p.work(), Bar: bar}
	if p.setup != nil {
		work.Base = &report.Peer{Name: "start", Work: measure(p.units, p.setup)}
	}
	return work
}

// work returns the measured work of the point.
func (p point) work() report.Work {
	if p.runFrom == nil {
		return measure(p.units, p.run)
	}
	return func(int) (report.Sample, error) {
		s := report.Sample{Units: p.units, Allocs: -1}
		var before time.Duration
		var began time.Time
		err := p.runFrom(func() { before, began = rusage.MustCPU(), time.Now() })
		s.CPU, s.Wall = rusage.MustCPU()-before, time.Since(began)
		return s, err
	}
}

// measure returns work that runs f once.
func measure(units int, f func() error) report.Work {
	return func(int) (report.Sample, error) {
		s := report.Sample{Units: units, Allocs: -1}
		before, err := rusage.CPU()
		if err != nil {
			return s, err
		}
		began := time.Now()
		if err := f(); err != nil {
			return s, err
		}
		s.Wall = time.Since(began)
		after, err := rusage.CPU()
		s.CPU = after - before
		return s, err
	}
}
