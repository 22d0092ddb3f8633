package codec

import (
	"context"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// guardRecords reads src with guarded.EachLent if its records are lent, and otherwise with
// guarded.Each, because records share the memory of their chunks.
func guardRecords(ctx context.Context, src stream.Source[[]byte], f func([]byte) error, lent bool) error {
	if lent {
		return guarded.EachLent(ctx, src, f)
	}
	return guarded.Each(ctx, src, f)
}

// memory allocates the chunks of a run.
type memory struct {
	lent bool // all chunks share one buffer
	buf  []byte
}

// get returns n bytes. If chunks are lent, it reuses the memory of the previous chunk.
func (m *memory) get(n int) []byte {
	if !m.lent {
		return make([]byte, n)
	}
	if size := cap(m.buf); size < n || size > maxKept && n <= maxKept {
		m.buf = make([]byte, n)
	}
	return m.buf[:n:n]
}

// chunkFiller fills chunks of 64 KiB and emits each one when it is full.
type chunkFiller struct {
	memory
	ctx  context.Context // of this run
	emit func([]byte) error
	buf  []byte // the current chunk
}

// reserve returns the free space of the current chunk, or of a new one if less than n bytes are
// free.
func (f *chunkFiller) reserve(n int) ([]byte, error) {
	if cap(f.buf)-len(f.buf) < n {
		if err := f.flush(); err != nil {
			return nil, err
		}
		f.buf = f.get(chunkSize)[:0]
	}
	return f.buf[len(f.buf):cap(f.buf)], nil
}

// commit adds the first n bytes of the free space to the chunk.
func (f *chunkFiller) commit(n int) { f.buf = f.buf[:len(f.buf)+n] }

// flush emits the current chunk.
func (f *chunkFiller) flush() error {
	p := f.buf
	f.buf = nil
	switch {
	case len(p) == 0:
		return nil
	case f.ctx.Err() != nil: // one input chunk can yield many output chunks
		return context.Cause(f.ctx)
	}
	return f.emit(p)
}
