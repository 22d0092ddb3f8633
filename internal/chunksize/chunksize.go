// Package chunksize sizes the chunks of elements that parallel workers take at once.
package chunksize

import "time"

const (
	// Max is the largest chunk, in elements.
	Max = 64

	target = 40 * time.Microsecond // work in a chunk; handing a chunk over costs much less
)

// Next returns the size of the next chunk, in elements, after the work on n elements took the given
// time. A chunk is sized for 40 µs of work, and at most doubles from one to the next, so that
// one quick call does not make the next chunk slow.
func Next(current, n int, took time.Duration) int {
	fit := Max
	if each := took / time.Duration(n); each > 0 {
		fit = int(min(target/each, Max))
	}
	return max(1, min(fit, 2*current))
}
