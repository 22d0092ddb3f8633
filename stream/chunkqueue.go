package stream

// chunkQueue is a doubly linked list of chunks. Every method takes constant time.
type chunkQueue[T, U any] struct {
	first, last *chunk[T, U]
	n           int
}

// push adds c at the end.
func (q *chunkQueue[T, U]) push(c *chunk[T, U]) { q.insertAfter(q.last, c) }

// insertAfter adds c after at, or at the beginning if at is nil.
func (q *chunkQueue[T, U]) insertAfter(at, c *chunk[T, U]) {
	q.n++
	before, after := at, q.first
	if at != nil {
		after = at.next
	}
	q.link(before, c)
	q.link(c, after)
}

// remove removes c.
func (q *chunkQueue[T, U]) remove(c *chunk[T, U]) {
	q.n--
	q.link(c.prev, c.next)
	c.prev, c.next = nil, nil
}

// link makes b the chunk after a. If a is nil, b becomes the first chunk; if b is nil, a becomes
// the last one.
func (q *chunkQueue[T, U]) link(a, b *chunk[T, U]) {
	if a == nil {
		q.first = b
	} else {
		a.next = b
	}
	if b == nil {
		q.last = a
	} else {
		b.prev = a
	}
}
