package mongosink

import "sync"

// kept holds the memory of batches for the next ones, of any run.
var kept sync.Pool

// batchMemory is the memory of a batch without its content.
type batchMemory struct {
	body       []byte
	statements []statement
}

// maxKept is the largest body that is kept.
const maxKept = 18 << 20

// takeMemory returns the memory of an earlier batch, if there is one.
func takeMemory() (m batchMemory) {
	if old, ok := kept.Get().(*batchMemory); ok {
		m.body, m.statements = old.body[:0], old.statements[:0]
	}
	return m
}

// free gives the memory back. The batch must not be used after it.
func (b *batch) free() {
	if cap(b.body) <= maxKept {
		kept.Put(&batchMemory{b.body, b.statements})
	}
	b.body, b.statements = nil, nil
}
