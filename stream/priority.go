package stream

import (
	"context"
	"sync"
)

// MergePreferred returns a source that runs the given sources concurrently and emits their elements
// as they arrive. If several elements wait, one of preferred comes first: for example control
// messages before data. It completes when all sources have completed.
//
//   - Memory: one element a source.
//   - Goroutines and errors: as in [Merge].
func MergePreferred[T any](preferred Source[T], others ...Source[T]) Source[T] {
	weights := make([]int, 1+len(others))
	for i := range others {
		weights[1+i] = 1
	}
	return mergeChosen(append([]Source[T]{preferred}, others...), weights)
}

// MergeWeighted returns a source that runs the given sources concurrently and emits their elements
// as they arrive. If several elements wait, each source gets its share: with weights 3 and 1, three
// elements of the first for one of the second. It completes when all sources have completed.
//
//   - Memory: one element a source.
//   - Goroutines and errors: as in [Merge].
func MergeWeighted[T any](weights []int, srcs ...Source[T]) Source[T] {
	if len(weights) != len(srcs) {
		return Fail[T](invalidError("MergeWeighted: %d weights for %d sources", len(weights), len(srcs)))
	}
	for _, w := range weights {
		if w < 1 {
			return Fail[T](invalidError("MergeWeighted: a weight of %d; it must be at least 1", w))
		}
	}
	return mergeChosen(srcs, append([]int(nil), weights...))
}

// mergeChosen merges by weight. A source of weight 0 is preferred to all others.
func mergeChosen[T any](srcs []Source[T], weights []int) Source[T] {
	for _, src := range srcs {
		if src == nil {
			return Fail[T](errNilSource)
		}
	}
	if positioned[T]() {
		return Fail[T](errReorders)
	}
	return SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		g, ctx := NewGroup(ctx)
		c := &chooser[T]{lanes: make([]lane[T], len(srcs)), open: len(srcs)}
		c.filled.L = &c.mu
		for i := range c.lanes {
			c.lanes[i].weight = weights[i]
			c.lanes[i].free.L = &c.mu
		}
		defer context.AfterFunc(ctx, c.halt)()
		branch := inBranch(ctx)
		for i, src := range srcs {
			g.Go(func() error {
				err := each(branch, src, func(v T) error { return c.put(ctx, i, v) })
				if err == nil {
					c.leave()
				}
				return err
			})
		}
		return g.Do(func() error {
			for {
				v, ok, err := c.take(ctx)
				if !ok {
					return err
				}
				if err := emit(v); err != nil {
					return err
				}
			}
		})
	})
}

// chooser holds one element of each source until that source has its turn.
type chooser[T any] struct {
	mu     sync.Mutex
	filled sync.Cond // signals the consumer: there is an element
	lanes  []lane[T]
	open   int // sources that have not completed
	halted bool
}

type lane[T any] struct {
	free   sync.Cond // signals the source: its element was taken
	v      T
	full   bool
	weight int
	credit int // of smooth weighted round robin
}

func (c *chooser[T]) halt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.halted = true
	c.filled.Broadcast()
	for i := range c.lanes {
		c.lanes[i].free.Broadcast()
	}
}

func (c *chooser[T]) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	c.filled.Signal()
}

// put waits until the i-th lane is free and stores v in it.
func (c *chooser[T]) put(ctx context.Context, i int, v T) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := &c.lanes[i]
	for l.full && !c.halted {
		l.free.Wait()
	}
	if c.halted {
		return context.Cause(ctx)
	}
	l.v, l.full = v, true
	c.filled.Signal()
	return nil
}

// take waits for an element and takes the one that has its turn. It returns false without an error
// at the end.
func (c *chooser[T]) take(ctx context.Context) (v T, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.halted {
		if l := c.choose(); l != nil {
			var none T
			v, l.v, l.full = l.v, none, false
			l.free.Signal()
			return v, true, nil
		}
		if c.open == 0 {
			return v, false, context.Cause(ctx) // nil, unless halt is about to be called
		}
		c.filled.Wait()
	}
	return v, false, context.Cause(ctx)
}

// choose returns the full lane that has its turn, or nil if no lane is full.
func (c *chooser[T]) choose() *lane[T] {
	var best *lane[T]
	sum := 0
	for i := range c.lanes {
		l := &c.lanes[i]
		switch {
		case !l.full:
			continue
		case l.weight == 0:
			return l
		}
		l.credit += l.weight
		sum += l.weight
		if best == nil || l.credit > best.credit {
			best = l
		}
	}
	if best != nil {
		best.credit -= sum
	}
	return best
}
