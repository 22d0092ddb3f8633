package main

import (
	"fmt"
	"iter"
	"sync"

	"github.com/millweir/millweir/bench/internal/report"
)

// beside returns a case for each size. It compares the stage with a bare program, which does the
// same work by a loop and only the goroutines, channels, maps or coroutines that it needs. No
// program can do it at a flat cost: a wake-up of one of n goroutines misses the caches. So the bar
// is that of [flat], against the bare program of the same size.
func beside(c report.Case, sizes []int, what string, ours, bare func(n int) point) []report.Case {
	var all []report.Case
	for _, n := range sizes {
		at := c
		at.Name = fmt.Sprintf("%s-%d", c.Name, n)
		at.About = fmt.Sprintf("%s, n = %d %s", c.About, n, what)
		at.Ours = ours(n).peer("millweir", report.Bar{})
		at.Peers = []report.Peer{bare(n).peer("bare", flat)}
		at.Units = 1
		all = append(all, at)
	}
	return all
}

// bareGroups sends the numbers below elements to n goroutines in turn, by a map and a channel for
// each, and receives them again from one channel.
func bareGroups(n, elements int) error {
	out := make(chan int, 64)
	go func() {
		var wg sync.WaitGroup
		groups := map[int]chan int{}
		for v := range elements {
			in := groups[v%n]
			if in == nil {
				in = make(chan int, 16)
				groups[v%n] = in
				wg.Go(func() {
					for v := range in {
						out <- v
					}
				})
			}
			in <- v
		}
		for _, in := range groups {
			close(in)
		}
		wg.Wait()
		close(out)
	}()
	got := 0
	for range out {
		got++
	}
	return counted(got, elements)
}

// bareMerge merges n coroutines, each with every n-th number, by a binary heap.
func bareMerge(n, elements int) error {
	type head struct {
		v    int
		next func() (int, bool)
	}
	var heap []head
	for i := range n {
		next, stop := iter.Pull(func(yield func(int) bool) {
			for v := i; v < elements; v += n {
				if !yield(v) {
					return
				}
			}
		})
		defer stop()
		if v, ok := next(); ok {
			heap = append(heap, head{v, next}) // ascending, so it is a heap
		}
	}
	got := 0
	for len(heap) > 0 {
		got++
		v, ok := heap[0].next()
		if ok {
			heap[0].v = v
		} else {
			last := len(heap) - 1
			heap[0] = heap[last]
			heap = heap[:last]
		}
		for i := 0; ; {
			least := i
			for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
				if heap[child].v < heap[least].v {
					least = child
				}
			}
			if least == i {
				break
			}
			heap[i], heap[least] = heap[least], heap[i]
			i = least
		}
	}
	return counted(got, elements)
}

// bareBroadcast sends each of the numbers below elements to n goroutines, by a channel for each. It
// calls begin when they have started.
func bareBroadcast(n, elements int, begin func()) error {
	to := make([]chan int, n)
	got := make([]int, n)
	var wg, started sync.WaitGroup
	started.Add(n)
	for i := range to {
		to[i] = make(chan int, 64)
		wg.Go(func() {
			started.Done()
			for range to[i] {
				got[i]++
			}
		})
	}
	started.Wait()
	begin()
	for v := range elements {
		for _, c := range to {
			c <- v
		}
	}
	for _, c := range to {
		close(c)
	}
	wg.Wait()
	for _, n := range got {
		if err := counted(n, elements); err != nil {
			return err
		}
	}
	return nil
}

func counted(got, want int) error {
	if got != want {
		return fmt.Errorf("%d elements, not %d", got, want)
	}
	return nil
}
