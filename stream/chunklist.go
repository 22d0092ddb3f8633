package stream

import (
	"slices"
	"time"
)

// chunkList is a list of chunks in the order of their elements.
type chunkList[T, U any] struct {
	chunks []*chunk[T, U]
	next   int // index of the first waiting chunk, or len(chunks) if none waits
	large  int // number of large chunks that workers have taken
}

// waiting reports whether a chunk waits for a worker.
func (l *chunkList[T, U]) waiting() bool { return l.next < len(l.chunks) }

// push adds a waiting chunk at the end.
func (l *chunkList[T, U]) push(c *chunk[T, U]) { l.chunks = append(l.chunks, c) }

// takeNext gives the first waiting chunk to a worker. It returns nil if none waits.
func (l *chunkList[T, U]) takeNext(now time.Time) *chunk[T, U] {
	if !l.waiting() {
		return nil
	}
	c := l.chunks[l.next]
	c.take(now)
	if c.large() {
		l.large++
	}
	l.findWaiting(l.next)
	return c
}

// finish records that c, which a worker has taken, has all its results.
func (l *chunkList[T, U]) finish(c *chunk[T, U]) {
	c.state = chunkDone
	if c.large() {
		l.large--
	}
}

// done returns the index of the first chunk that is done, or -1 if none is. With inOrder, only the
// first chunk of the list counts.
func (l *chunkList[T, U]) done(order mapOrder) int {
	chunks := l.chunks
	if order == inOrder {
		chunks = chunks[:min(1, len(chunks))]
	}
	return slices.IndexFunc(chunks, func(c *chunk[T, U]) bool { return c.state == chunkDone })
}

// remove removes the chunk at index i, which is done, and returns it.
func (l *chunkList[T, U]) remove(i int) *chunk[T, U] {
	c := l.chunks[i]
	l.chunks = slices.Delete(l.chunks, i, i+1)
	if i < l.next {
		l.next--
	}
	return c
}

// splitSlow splits the large chunks that workers took at deadline or earlier. It reports whether it
// split any.
func (l *chunkList[T, U]) splitSlow(deadline time.Time) bool {
	split := false
	for i := len(l.chunks) - 1; i >= 0; i-- {
		if c := l.chunks[i]; c.state == chunkTaken && c.large() && !c.takenAt.After(deadline) {
			split = l.split(i) || split
		}
	}
	return split
}

// split splits the large chunk at index i, as [chunk.split] does. Its parts take its place.
func (l *chunkList[T, U]) split(i int) bool {
	c := l.chunks[i]
	before, after, ok := c.split()
	if !ok {
		return false
	}
	l.large--
	parts := append([]*chunk[T, U]{c}, after...)
	if before != nil {
		parts = slices.Insert(parts, 0, before)
	}
	l.chunks = slices.Replace(l.chunks, i, i+1, parts...)
	l.findWaiting(min(i, l.next))
	return true
}

// findWaiting sets next, if no chunk before index i waits.
func (l *chunkList[T, U]) findWaiting(i int) {
	for i < len(l.chunks) && l.chunks[i].state != chunkWaiting {
		i++
	}
	l.next = i
}
