package stream

import (
	"slices"
	"time"
)

// chunkList holds the chunks of one run. Only splitSlow takes time in proportion to their number.
type chunkList[T, U any] struct {
	order   mapOrder
	chunks  chunkQueue[T, U] // in the order of their elements
	results chunkQueue[T, U] // with anyOrder: the chunks that are done, which have left chunks
	waiting *chunk[T, U]     // the first chunk that waits for a worker; nil if none waits

	unclaimed int // chunks that wait for a worker
	large     int // large chunks that workers have taken
}

// len returns the number of chunks.
func (l *chunkList[T, U]) len() int { return l.chunks.n + l.results.n }

// push adds a waiting chunk at the end.
func (l *chunkList[T, U]) push(c *chunk[T, U]) {
	l.chunks.push(c)
	l.unclaimed++
	if l.waiting == nil {
		l.waiting = c
	}
}

// takeNext gives the first waiting chunk to a worker. It returns nil if none waits.
func (l *chunkList[T, U]) takeNext(now time.Time) *chunk[T, U] {
	c := l.waiting
	if c == nil {
		return nil
	}
	c.take(now)
	l.unclaimed--
	if c.large() {
		l.large++
	}
	l.findWaiting(c.next)
	return c
}

// finish records that c, which a worker has taken, has all its results. It reports whether c is the
// chunk to emit next, or one of several.
func (l *chunkList[T, U]) finish(c *chunk[T, U]) (next bool) {
	c.state = chunkDone
	if c.large() {
		l.large--
	}
	if l.order == inOrder {
		return l.chunks.first == c
	}
	l.chunks.remove(c)
	l.results.push(c)
	return true
}

// done returns a chunk to emit, or nil if none is done. With inOrder, this is the first chunk.
func (l *chunkList[T, U]) done() *chunk[T, U] {
	c := l.chunks.first
	switch {
	case l.order == anyOrder:
		return l.results.first
	case c == nil || c.state != chunkDone:
		return nil
	}
	return c
}

// remove removes c, which done has returned.
func (l *chunkList[T, U]) remove(c *chunk[T, U]) {
	if l.order == anyOrder {
		l.results.remove(c)
		return
	}
	l.chunks.remove(c)
}

// splitSlow splits the large chunks that workers took at deadline or earlier. It reports whether it
// split any.
func (l *chunkList[T, U]) splitSlow(deadline time.Time) bool {
	split := false
	for c := l.chunks.first; c != nil; c = c.next {
		if c.state == chunkTaken && c.large() && !c.takenAt.After(deadline) {
			split = l.split(c) || split
		}
	}
	if split {
		l.findWaiting(l.chunks.first)
	}
	return split
}

// split splits a large chunk, as [chunk.split] does. Its parts take its place.
func (l *chunkList[T, U]) split(c *chunk[T, U]) bool {
	before, after, ok := c.split()
	if !ok {
		return false
	}
	l.large--
	l.unclaimed += len(after)
	switch {
	case before == nil:
	case l.order == anyOrder:
		l.results.push(before)
	default:
		l.chunks.insertAfter(c.prev, before)
	}
	for _, part := range slices.Backward(after) {
		l.chunks.insertAfter(c, part)
	}
	return true
}

// findWaiting sets waiting, if no chunk before c waits.
func (l *chunkList[T, U]) findWaiting(c *chunk[T, U]) {
	for c != nil && c.state != chunkWaiting {
		c = c.next
	}
	l.waiting = c
}
