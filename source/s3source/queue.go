package s3source

import (
	"context"
	"sync"
)

// queue has the chunks of a part that wait to be emitted. It never blocks the reply that fills it,
// because a reply holds a connection, and the first part may wait for one. The part's size limits
// its memory.
type queue struct {
	mu     sync.Mutex
	chunks [][]byte
	ended  bool
	change chan struct{} // has a value if something was added since the last take
}

func newQueue() *queue { return &queue{change: make(chan struct{}, 1)} }

// put adds a chunk. A reply that breaks off leaves a short one: the next chunk fills its memory
// first. put returns the memory of chunk if it is not in the queue.
func (q *queue) put(chunk []byte) (unused []byte) {
	q.mu.Lock()
	if last := len(q.chunks) - 1; last >= 0 {
		chunk = q.fill(last, chunk)
	}
	if len(chunk) > 0 {
		q.chunks = append(q.chunks, chunk)
	} else {
		unused = chunk
	}
	q.mu.Unlock()
	q.notify()
	return unused
}

// fill moves the first bytes of chunk into the free memory of an earlier chunk. It returns the rest.
func (q *queue) fill(earlier int, chunk []byte) []byte {
	short := q.chunks[earlier]
	if len(short) == cap(short) {
		return chunk
	}
	n := copy(short[len(short):cap(short)], chunk)
	q.chunks[earlier] = short[:len(short)+n]
	return chunk[:copy(chunk, chunk[n:])]
}

// end says that the part is complete.
func (q *queue) end() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.notify()
}

func (q *queue) notify() {
	select {
	case q.change <- struct{}{}:
	default: // the last value was not taken yet
	}
}

// take waits for chunks and returns all that there are; none after the last one.
func (q *queue) take(ctx context.Context) ([][]byte, error) {
	for {
		if chunks, ended := q.takeAll(); len(chunks) > 0 || ended {
			return chunks, nil
		}
		select {
		case <-q.change:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (q *queue) takeAll() (chunks [][]byte, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	chunks, q.chunks = q.chunks, nil
	return chunks, q.ended
}
