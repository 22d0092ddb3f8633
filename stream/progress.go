package stream

import "sync/atomic"

// progress is how far a worker has come in a chunk. The worker calls next, and another goroutine
// may call cut at the same time. Each of them changes both numbers in one step, so that an element
// is never both begun by the worker and cut off.
type progress struct {
	word atomic.Uint64 // elements to do in the upper half, calls of next in the lower half
}

// start gives the worker n elements to do.
func (p *progress) start(n int) { p.word.Store(uint64(n) << 32) }

// next begins an element and returns its index. It returns false if no element is left.
func (p *progress) next() (i int, ok bool) {
	todo, calls := halves(p.word.Add(1))
	return calls - 1, calls <= todo
}

// cut takes from the worker all elements that it has not begun, and returns the number of those
// that it has. All but the last of them are done. cut returns false and does nothing if the worker
// has begun no element, if it has finished, or if it begins an element at this moment.
func (p *progress) cut() (begun int, ok bool) {
	word := p.word.Load()
	todo, calls := halves(word)
	if calls == 0 || calls > todo {
		return 0, false
	}
	return calls, p.word.CompareAndSwap(word, uint64(calls)<<32|uint64(calls))
}

func halves(word uint64) (upper, lower int) { return int(word >> 32), int(uint32(word)) }
