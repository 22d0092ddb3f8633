package mongosource

import "slices"

// Documents are copied out of the driver's batch. Small ones share allocations.
const (
	slabMin = 1 << 10  // bytes of the first slab; the size doubles, so that a short run wastes little
	slabMax = 32 << 10 // bytes: the largest size that the allocator serves from its per-thread cache
	slabBig = slabMax / 4
)

// slab makes copies that share allocations.
type slab struct {
	free []byte // the unused rest of the current slab; its length is 0
	next int    // bytes of the next slab
}

// clone returns a copy of p. Appending to the copy does not change another one.
func (s *slab) clone(p []byte) []byte {
	if len(p) > slabBig {
		return slices.Clip(append([]byte(nil), p...)) // without zeroing it first
	}
	if len(p) > cap(s.free) {
		s.next = min(max(2*s.next, slabMin), slabMax)
		for s.next < len(p) {
			s.next *= 2
		}
		s.free = make([]byte, 0, s.next)
	}
	n := len(p)
	doc := append(s.free[:0:n], p...)
	s.free = s.free[n:n]
	return doc
}
