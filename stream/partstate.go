package stream

import "sync/atomic"

// partState says who may use a [part]: only one reader, until the part is revoked. The reader and
// the goroutine that revokes may be different ones. The second call of end and revoke learns of the
// first, so exactly one of the two goroutines ends the source.
type partState struct{ now atomic.Int32 }

const (
	partFresh = iota
	partReading
	partRead
	partRevoked
)

// begin makes the caller the reader. It returns false if the part has had a reader or is revoked.
func (s *partState) begin() bool { return s.now.CompareAndSwap(partFresh, partReading) }

// isReading reports whether the reader may go on: it has not ended, and the part is not revoked.
func (s *partState) isReading() bool { return s.now.Load() == partReading }

// end records that the reader has finished. It returns false if the part was revoked before.
func (s *partState) end() bool { return s.now.CompareAndSwap(partReading, partRead) }

// revoke takes the part back for good. It reports whether a reader is still active.
func (s *partState) revoke() (active bool) { return s.now.Swap(partRevoked) == partReading }
