package stream

import "sync"

// LowWater tracks the low-water mark of positions that begin in order and end in any order: the
// last position up to which all are done. It is for stages and sinks with several requests in
// flight. The zero value is ready to use, by any goroutine.
//
// Memory: all positions from the first that is not done.
type LowWater[P any] struct {
	mu      sync.Mutex
	waiting []*Receipt[P] // in order; the first is not done
	mark    P
	hasMark bool
}

// Receipt is a position that began in a [LowWater].
type Receipt[P any] struct {
	lowWater *LowWater[P]
	position P
	done     bool
}

// Begin adds the next position. Call it in the order of the positions.
func (l *LowWater[P]) Begin(position P) *Receipt[P] {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &Receipt[P]{lowWater: l, position: position}
	l.waiting = append(l.waiting, r)
	return r
}

// Mark returns the last position such that it and all positions before it are done. It returns
// false if the first is not done.
func (l *LowWater[P]) Mark() (P, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mark, l.hasMark
}

// Done records that the position is done. If that moves the low-water mark, it returns the new mark
// and true. Only the first call has an effect.
func (r *Receipt[P]) Done() (mark P, moved bool) {
	l := r.lowWater
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
	l.waiting, l.hasMark = l.waiting[n:], true
	return l.mark, true
}
