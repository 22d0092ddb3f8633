package stream

// skips decides how often a step that was in vain is left out: once, then 3, 7 and 15 times, and
// later 31 times, until it succeeds. One of thousands of goroutines that seldom have something to
// do should not yield: each time, all the others run first.
type skips struct{ left, last int8 }

// next reports whether to leave out the step this time.
func (s *skips) next() bool {
	if s.left == 0 {
		return false
	}
	s.left--
	return true
}

// failed records that the step was in vain.
func (s *skips) failed() {
	s.last = min(2*s.last+1, 31)
	s.left = s.last
}
