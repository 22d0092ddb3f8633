package mongosink

import "sync"

// bodies keeps the memory of commands for the next ones, of any run.
var bodies sync.Pool

// maxKept is the largest body that is kept.
const maxKept = 18 << 20

func takeBody() []byte {
	if b, ok := bodies.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return nil
}

// free gives the body back. The batch must not be used after it.
func (b *batch) free() {
	if body := b.body; cap(body) <= maxKept {
		bodies.Put(&body)
	}
	b.body = nil
}
