package source

import (
	"context"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// Stdin returns a source of the bytes of [os.Stdin]. It can run once; a second run ends with
// [ErrUsed].
//
//   - Emits: chunks of up to 64 KiB, as the system returns them.
//   - Memory: 64 KiB. With [stream.EachLent] all chunks have the same memory.
//   - Goroutines: one reads, unless the system can interrupt a read. It has ended when the run
//     returns, except after a cancellation during a read, as of an idle terminal. Then it ends
//     after that read, and what it has read is lost. Until then the process owns it: it holds
//     64 KiB, and nothing else of the run.
//   - Errors: those of the read, wrapped.
//   - Limits: a drain of the run does not end the source, as in [Reader]. A cancellation ends it at
//     once, even during a read.
func Stdin() stream.Source[[]byte] {
	file, used := os.Stdin, new(atomic.Bool)
	return lend.Source(func(ctx context.Context, emit func([]byte) error, lent bool) error {
		if used.Swap(true) {
			return ErrUsed
		}
		const what = "read standard input"
		memory := buffer{size: chunkSize, lent: lent}
		if file.SetReadDeadline(time.Time{}) == nil {
			defer unblock(ctx, file, nil)()
			return read(ctx, what, file, memory, emit)
		}
		r := startReading(file, ctx.Done())
		defer r.end()
		return read(ctx, what, r, memory, emit)
	})
}

// interruptibleReader reads on another goroutine. A Read returns when the run is cancelled, even if
// the read of that goroutine still blocks. After that, the buffer belongs to the goroutine, and
// there must be no other Read.
type interruptibleReader struct {
	cancelled <-chan struct{}
	buffers   chan []byte     // to read into
	results   chan readResult // has room for a result that no Read waits for
	ended     chan struct{}   // closed at the end of the goroutine
	abandoned bool            // the goroutine may still read
}

type readResult struct {
	n   int
	err error
}

func startReading(from io.Reader, cancelled <-chan struct{}) *interruptibleReader {
	r := &interruptibleReader{cancelled, make(chan []byte), make(chan readResult, 1), make(chan struct{}), false}
	go func(buffers <-chan []byte, results chan<- readResult, ended chan<- struct{}) {
		defer close(ended)
		for p := range buffers {
			n, err := from.Read(p)
			results <- readResult{n, err}
		}
	}(r.buffers, r.results, r.ended)
	return r
}

// Read implements [io.Reader].
func (r *interruptibleReader) Read(p []byte) (int, error) {
	r.buffers <- p
	select {
	case got := <-r.results:
		return got.n, got.err
	case <-r.cancelled:
		r.abandoned = true
		return 0, os.ErrDeadlineExceeded
	}
}

// end ends the goroutine. It waits for it, unless a read may still block.
func (r *interruptibleReader) end() {
	close(r.buffers)
	if !r.abandoned {
		<-r.ended
	}
}
