package stream

import (
	"math/rand/v2"
	"time"
)

const (
	sampledBelow = 4 * time.Microsecond // elements further apart than this are all timed
	maxStride    = 16                   // of closer elements, on average one in maxStride or more is timed
)

// sampler chooses the elements that are timed. The first one always is.
type sampler struct {
	distance  int64 // elements from the last timed one to the next timed one
	untilNext int64 // elements left until the next timed one; 0 while that one passes
}

func newSampler() sampler { return sampler{distance: 1, untilNext: 1} }

// isTimed reports whether the element that passes is timed.
func (s *sampler) isTimed() bool { return s.untilNext == 0 }

// next chooses the next timed element. The elements up to this one took span.
func (s *sampler) next(span time.Duration) {
	stride := int64(1)
	if each := span / time.Duration(s.distance); each < sampledBelow {
		stride = min(maxStride, int64(sampledBelow/max(each, 1)))
	}
	// The distance is random, so that a regular pattern of elements does not bias the sample.
	s.distance = 1 + rand.Int64N(2*stride-1)
	s.untilNext = s.distance
}

// restart makes the element that has passed the start of the distance to the next timed one.
func (s *sampler) restart() { s.distance = s.untilNext }
