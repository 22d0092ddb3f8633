package stream

import "sync"

// LowWater finds, for positions that are begun in their order and done in any, the low-water mark: the position up to which all are
// done. It is for stages and sinks of your own with several requests under way. The zero value is ready to use, by any goroutine.
//
// Memory: the positions from the first that is not done on.
type LowWater[P any] struct {
	mu      sync.Mutex
	waiting []*Receipt[P] // in their order; the first is not done
	mark    P
	some    bool
}

// Receipt stands for a position that was begun, in a [LowWater].
type Receipt[P any] struct {
	of       *LowWater[P]
	position P
	done     bool
}

// Begin notes the next position. Calls are in the order of the positions.
func (l *LowWater[P]) Begin(position P) *Receipt[P] {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &Receipt[P]{of: l, position: position}
	l.waiting = append(l.waiting, r)
	return r
}

// Mark returns the last position such that it and all before it are done; false if the first is not.
func (l *LowWater[P]) Mark() (P, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mark, l.some
}

// Done says that the position is done. If that moves the low-water mark, it returns the new mark and true. Only the first call
// has an effect.
func (r *Receipt[P]) Done() (mark P, moved bool) {
	l := r.of
	l.mu.Lock()
	defer l.mu.Unlock()
	r.done = true
	n := 0
	for n < len(l.waiting) && l.waiting[n].done {
		l.mark = later(l.mark, l.waiting[n].position)
		l.waiting[n] = nil
		n++
	}
	if n == 0 {
		return mark, false
	}
	l.waiting, l.some = l.waiting[n:], true
	return l.mark, true
}
