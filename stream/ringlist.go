package stream

import "sync/atomic"

// maxMisses is how often in a row the consumer of several rings may find a ring empty before it
// stops checking that ring. Listing a ring costs its producer more than a check costs the consumer.
const maxMisses = 4

// ringList is a stack of rings that have become active. Producers add to it without a lock; one
// consumer takes all of it at once.
type ringList[T any] struct {
	top atomic.Pointer[ring[T]]
}

// add lists r, unless it is active already. Only the producer of r calls it.
func (l *ringList[T]) add(r *ring[T]) {
	if r.active.Swap(true) {
		return
	}
	for {
		r.nextListed = l.top.Load()
		if l.top.CompareAndSwap(r.nextListed, r) {
			return
		}
	}
}

// isListed reports whether a ring is listed.
func (l *ringList[T]) isListed() bool { return l.top.Load() != nil }

// appendTo moves the listed rings to the end of rs. Only the consumer calls it.
func (l *ringList[T]) appendTo(rs []*ring[T]) []*ring[T] {
	if !l.isListed() {
		return rs
	}
	for r := l.top.Swap(nil); r != nil; {
		below := r.nextListed
		r.nextListed, r.misses = nil, 0
		rs = append(rs, r)
		r = below
	}
	return rs
}

// release makes r inactive, and reports whether it did: if an element has arrived meanwhile, r may
// stay active. Only the consumer calls it.
func (l *ringList[T]) release(r *ring[T]) bool {
	r.active.Store(false)
	// The producer stores the element before it reads active, so at least one side sees the other's
	// change.
	return !r.hasElements() || r.active.Swap(true)
}
