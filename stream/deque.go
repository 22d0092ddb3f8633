package stream

// deque holds elements in their order. It grows as it fills, and adds and drops one at either end in constant time.
type deque[T any] struct {
	buf  []T // a power of two long
	head int // of the oldest element
	n    int
}

func (d *deque[T]) len() int { return d.n }

func (d *deque[T]) push(v T) {
	if d.n == len(d.buf) {
		d.grow()
	}
	d.buf[(d.head+d.n)&(len(d.buf)-1)] = v
	d.n++
}

// pop returns the oldest element, which must exist.
func (d *deque[T]) pop() T {
	var none T
	v := d.buf[d.head]
	d.buf[d.head] = none
	d.head = (d.head + 1) & (len(d.buf) - 1)
	d.n--
	return v
}

func (d *deque[T]) clear() {
	clear(d.buf)
	d.head, d.n = 0, 0
}

func (d *deque[T]) grow() {
	buf := make([]T, max(16, 2*len(d.buf)))
	k := copy(buf, d.buf[d.head:])
	copy(buf[k:], d.buf[:d.head])
	d.buf, d.head = buf, 0
}
