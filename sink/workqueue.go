package sink

import (
	"context"
	"sync"
	"time"

	"github.com/millweir/millweir/internal/chunksize"
)

// workQueue is the queue of elements for the workers of [ForEachParallel].
type workQueue[T any] struct {
	mu       sync.Mutex
	room     sync.Cond // signals the upstream: there is room
	ready    sync.Cond // signals workers: there are elements
	elements []T
	head     int // index of the first waiting element in elements
	workers  int
	size     int // most elements that a worker takes at once
	idle     int // waiting workers that have not been signalled
	ended    bool
	stopped  bool
}

func newWorkQueue[T any](workers int) *workQueue[T] {
	q := &workQueue[T]{workers: workers, size: 1}
	q.room.L, q.ready.L = &q.mu, &q.mu
	return q
}

// put adds v and waits for room if there is none.
func (q *workQueue[T]) put(ctx context.Context, v T) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.elements)-q.head >= q.workers*q.size && !q.stopped {
		q.room.Wait()
	}
	if q.stopped {
		return context.Cause(ctx)
	}
	if q.head > 0 && q.head >= len(q.elements)/2 {
		rest := copy(q.elements, q.elements[q.head:])
		clear(q.elements[rest:])
		q.elements, q.head = q.elements[:rest], 0
	}
	q.elements = append(q.elements, v)
	if q.idle > 0 {
		q.idle--
		q.ready.Signal()
	}
	return nil
}

// take waits for elements and returns a chunk of them, in the memory of used. It returns none if no
// element follows.
func (q *workQueue[T]) take(used []T) []T {
	clear(used)
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.head == len(q.elements) {
		if q.ended || q.stopped {
			return nil
		}
		q.idle++
		q.ready.Wait()
	}
	if q.stopped {
		return nil
	}
	waiting := len(q.elements) - q.head
	n := min(q.size, (waiting+q.workers-1)/q.workers)
	chunk := append(used[:0], q.elements[q.head:q.head+n]...)
	clear(q.elements[q.head : q.head+n])
	q.head += n
	q.room.Signal()
	return chunk
}

// resize sizes later chunks by the time that the calls for n elements took.
func (q *workQueue[T]) resize(n int, took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.size = chunksize.Next(q.size, n, took)
}

// end records that no element follows.
func (q *workQueue[T]) end() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.ready.Broadcast()
}

// stop ends all waits, because the run's context is done.
func (q *workQueue[T]) stop() {
	q.mu.Lock()
	q.stopped = true
	q.mu.Unlock()
	q.ready.Broadcast()
	q.room.Broadcast()
}
