// Package inflight limits the memory of the units that the goroutines of a stage work on. A
// parallel map limits only the number of units.
package inflight

import (
	"context"
	"sync/atomic"
)

// Limit is the limit of one run. One goroutine calls Acquire, and another one calls Release.
type Limit struct {
	units    int64 // that may be in flight regardless of their size
	bytes    int64 // that further units may take
	inUnits  atomic.Int64
	inBytes  atomic.Int64
	released chan struct{} // holds one message: a unit was released
}

// New returns a limit that admits units without regard to their size, and further ones while all
// of them have at most this number of bytes.
func New(units int, bytes int64) *Limit {
	return &Limit{units: int64(units), bytes: bytes, released: make(chan struct{}, 1)}
}

// Acquire waits until a unit of this size may be in flight. Another goroutine must call Release: a
// waiting Acquire must not block it.
func (l *Limit) Acquire(ctx context.Context, size int64) error {
	for l.inUnits.Load() >= l.units && l.inBytes.Load()+size > l.bytes {
		select {
		case <-l.released:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	l.inUnits.Add(1)
	l.inBytes.Add(size)
	return nil
}

// Release removes a unit of this size.
func (l *Limit) Release(size int64) {
	l.inUnits.Add(-1)
	l.inBytes.Add(-size)
	select {
	case l.released <- struct{}{}:
	default:
	}
}
