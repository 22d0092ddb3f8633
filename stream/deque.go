package stream

// deque is a queue of elements in order. It grows as it fills. push and pop take constant time,
// amortized.
type deque[T any] struct {
	buf  []T // its length is a power of two
	head int // index of the oldest element
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

// pop removes and returns the oldest element. The deque must not be empty.
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
