package stream

// heads is a binary heap of the next elements of several pulled sources, with the least element
// first. Of equal elements, the element of the earlier source comes first.
type heads[T any] struct {
	all     []head[T]
	compare func(a, b T) int
}

type head[T any] struct {
	v     T
	run   *pulled[T]
	index int // of the source
}

// newHeads takes the first element of each source.
func newHeads[T any](ps []*pulled[T], compare func(a, b T) int) (*heads[T], error) {
	h := &heads[T]{all: make([]head[T], 0, len(ps)), compare: compare}
	for i, p := range ps {
		v, ok := p.next()
		switch {
		case ok:
			h.all = append(h.all, head[T]{v, p, i})
		case p.err != nil:
			return nil, p.err
		}
	}
	for i := len(h.all)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
	return h, nil
}

// advance replaces the least element by the next one of its source, or removes it if that source
// has ended. If check is not nil, it checks the new element.
func (h *heads[T]) advance(check func(T) error) error {
	least := &h.all[0]
	v, ok := least.run.next()
	switch {
	case ok && check != nil:
		if err := check(v); err != nil {
			return err
		}
		least.v = v
	case ok:
		least.v = v
	case least.run.err != nil:
		return least.run.err
	default:
		last := len(h.all) - 1
		h.all[0] = h.all[last]
		h.all[last] = head[T]{}
		h.all = h.all[:last]
	}
	h.down(0)
	return nil
}

// down restores the heap order from the i-th element down.
func (h *heads[T]) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h.all) {
			return
		}
		if right := child + 1; right < len(h.all) && h.less(right, child) {
			child = right
		}
		if !h.less(child, i) {
			return
		}
		h.all[i], h.all[child] = h.all[child], h.all[i]
		i = child
	}
}

func (h *heads[T]) less(i, j int) bool {
	a, b := &h.all[i], &h.all[j]
	if c := h.compare(a.v, b.v); c != 0 {
		return c < 0
	}
	return a.index < b.index
}
