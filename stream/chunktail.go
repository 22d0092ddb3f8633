package stream

// chunkTail adds elements to the chunk that was started last, without a lock, until the chunk is
// full or a worker has taken it.
type chunkTail[T, U any] struct {
	chunk *chunk[T, U] // nil at first
	n     int          // elements in chunk
}

// start continues with c, an empty chunk, and adds v to it.
func (t *chunkTail[T, U]) start(c *chunk[T, U], v T) {
	c.in[0] = v
	c.fill.open(1)
	t.chunk, t.n = c, 1
}

// add adds v. It returns false if the chunk is full or taken.
func (t *chunkTail[T, U]) add(v T) bool {
	c, n := t.chunk, t.n
	if c == nil || n == len(c.in) {
		return false
	}
	c.in[n] = v
	if !c.fill.add(n, 1) {
		clear(c.in[n : n+1]) // the worker does not read it
		return false
	}
	t.n = n + 1
	return true
}

// addAll adds the first of vs, and returns how many.
func (t *chunkTail[T, U]) addAll(vs []T) int {
	c, n := t.chunk, t.n
	if c == nil {
		return 0
	}
	added := copy(c.in[n:], vs)
	if !c.fill.add(n, added) {
		clear(c.in[n : n+added]) // the worker does not read them
		return 0
	}
	t.n = n + added
	return added
}
