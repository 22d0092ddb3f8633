package s3sink

import "math"

// schedule is the sizes of the parts of an upload. Parts have base bytes at first. Then their size
// grows in proportion to their number. The memory of an upload thus grows with the square root of
// the stream, and a stream of design bytes fits into nine tenths of the parts. In the last tenth
// the size doubles again and again: a stream that is larger than designed still fits.
type schedule struct {
	base, most int64 // bytes of a part
	parts      int   // the greatest number
	slope      float64
	steep      int // the part after which the size doubles every step parts
	step       int
}

const (
	// defaultDesign is the size in bytes for which the schedule is made if nothing is known.
	defaultDesign = 1 << 40
	// maxDesign limits the design to a multiple of what parts of the base size hold.
	maxDesign = 16
)

// newSchedule returns the schedule of s.
func newSchedule(s *settings) schedule {
	o := &s.opts
	n := int64(s.limits.maxParts)
	sizes := schedule{base: o.PartSize, most: s.limits.maxPart, parts: s.limits.maxParts, steep: s.limits.maxParts}
	if o.MaxMemory > 0 {
		sizes.most = min(sizes.most, o.MaxMemory/int64(o.Parallelism+1))
	}
	tenth := n / 10
	if o.FixedParts {
		sizes.base = max(o.PartSize, roundUp(ceilDiv(o.ExpectedSize, n), o.PartSize))
		return sizes
	}
	switch {
	case o.MaxSize > 0 && o.ExpectedSize == 0:
		sizes.slope = slopeFor(o.MaxSize, n)
		return sizes
	case o.ExpectedSize > 0:
		sizes.base = max(o.PartSize, roundUp(ceilDiv(o.ExpectedSize, n-tenth), o.PartSize))
	default:
		design := int64(defaultDesign)
		if limit := maxDesign * float64(o.PartSize) * float64(n); limit < defaultDesign {
			design = int64(limit)
		}
		if design > o.PartSize*(n-tenth) {
			sizes.slope = slopeFor(design, n-tenth)
		}
	}
	sizes.steep, sizes.step = int(n-tenth), int(max(tenth/10, 1))
	return sizes
}

// slopeFor returns by how many bytes each of n parts must exceed the one before, so that all hold
// total bytes.
func slopeFor(total, n int64) float64 { return 2 * float64(total) / float64(n) / float64(n+1) }

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

// roundUp rounds the size of a part up to whole slabs, if parts of base bytes have any.
func roundUp(size, base int64) int64 {
	if base < maxSlab {
		return size
	}
	return ceilDiv(size, maxSlab) * maxSlab
}

// size returns the size of part n, from 1.
func (s *schedule) size(n int) int {
	size := s.base
	if grown := int64(math.Ceil(s.slope * float64(min(n, s.steep)))); grown > size {
		size = roundUp(grown, s.base)
	}
	for over := n - s.steep; over > 0 && size < s.most; over -= s.step {
		size *= 2
	}
	return int(min(size, s.most, math.MaxInt))
}

// capacity returns how many bytes all parts hold, and the size of the largest part that a stream of
// total bytes needs.
func (s *schedule) capacity(total int64) (all, largest int64) {
	for n := 1; n <= s.parts; n++ {
		size := int64(s.size(n))
		if all < total {
			largest = size
		}
		if all > math.MaxInt64-size {
			return math.MaxInt64, largest
		}
		all += size
	}
	return all, largest
}
