package stream

import (
	"context"
	"sync"
)

// consumer is one run out of a [Hub].
type consumer[T any] struct {
	branch[T]
	fail    context.CancelCauseFunc
	sending sync.Mutex // held while the producer hands over an element
}

// offer sends v. It returns errLeft if the consumer has left or leaves while v waits for room.
func (c *consumer[T]) offer(v T) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.left.Load() {
		return errLeft
	}
	return c.q.push(c.open, v)
}

// drain refuses further elements. The consumer gets the elements that have arrived, and then
// completes.
func (c *consumer[T]) drain() {
	c.leave()
	c.sending.Lock()
	defer c.sending.Unlock()
	c.q.end()
}
