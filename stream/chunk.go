package stream

import (
	"slices"
	"sync/atomic"
	"time"
)

// chunk is a chunk of elements that becomes a chunk of results. The upstream fills it, a worker
// calls the function for its elements, and the downstream emits its results.
type chunk[T, U any] struct {
	fill     fillCount
	progress progress
	state    chunkState
	takenAt  time.Time // when a worker took the chunk
	in       []T       // its length is the room for elements; only the upstream changes it
	out      []U       // at least as long as in
	from, to int       // the elements are in[from:to] and their results out[from:to]; set when fill closes

	prev, next *chunk[T, U] // in a chunkQueue
}

type chunkState int

const (
	chunkWaiting chunkState = iota // for a worker
	chunkTaken                     // by a worker
	chunkDone                      // has all results
)

// init makes room for size elements.
func (c *chunk[T, U]) init(size int) {
	if cap(c.in) < size {
		c.in, c.out = make([]T, size), make([]U, size)
	}
	c.in = c.in[:size]
	c.from, c.to, c.state = 0, 0, chunkWaiting
}

// release forgets the elements and results.
func (c *chunk[T, U]) release() {
	clear(c.in[:c.to])
	clear(c.out[:c.to])
}

// take gives the chunk to a worker.
func (c *chunk[T, U]) take(now time.Time) {
	if n, ok := c.fill.close(); ok {
		c.to = n
	}
	c.progress.start(c.to)
	c.state = chunkTaken
	c.takenAt = now
}

// large reports whether the chunk has more than one element.
func (c *chunk[T, U]) large() bool { return c.to-c.from > 1 }

// split reduces a chunk that a worker has taken to the element that the worker began last. It
// returns the results before that element as one chunk, or nil if there are none, and one chunk for
// each element after it. split returns false if [progress.cut] does.
func (c *chunk[T, U]) split() (before *chunk[T, U], after []*chunk[T, U], ok bool) {
	begun, ok := c.progress.cut()
	if !ok {
		return nil, nil, false
	}
	for _, v := range c.in[begun:c.to] {
		after = append(after, &chunk[T, U]{in: []T{v}, out: make([]U, 1), to: 1})
	}
	clear(c.in[begun:c.to])
	c.from, c.to = begun-1, begun
	if c.from > 0 {
		before = &chunk[T, U]{
			in: make([]T, c.from), out: slices.Clone(c.out[:c.from]), to: c.from,
			state: chunkDone,
		}
		clear(c.out[:c.from])
	}
	return before, after, true
}

// fillCount is the number of elements in a chunk while the upstream adds some. A worker may close
// it at any time. The zero value is closed.
type fillCount struct {
	word atomic.Int32 // 0 if closed, otherwise 1 + the number of elements
}

// open opens the count at n.
func (f *fillCount) open(n int) { f.word.Store(int32(1 + n)) }

// add raises the count from n to n+more. It returns false if the count is closed.
func (f *fillCount) add(n, more int) bool {
	return f.word.CompareAndSwap(int32(1+n), int32(1+n+more))
}

// close closes the count and returns it. It returns false if it was closed before.
func (f *fillCount) close() (n int, ok bool) {
	word := f.word.Swap(0)
	return int(word) - 1, word > 0
}
