package s3source

import (
	"context"
	"sync"
	"time"

	"github.com/millweir/millweir/stream"
)

// parallel reads the object by several requests at a time. The parts in flight are consecutive: a
// new one begins when the first one has been emitted.
func (d *download) parallel(ctx context.Context, account *stream.Account, emit func([]byte) error, lent bool) error {
	if err := account.Acquire(ctx, d.opts.PartSize); err != nil { // of the first part
		return err
	}
	own := *d
	whole := own.newRun()
	err := whole.look(ctx)
	switch {
	case err == errNotByHead: //nolint:errorlint // it is our own, unwrapped
		return d.oneByOne(ctx, emit, lent)
	case err != nil:
		return err
	}
	whole.opts.OnRetry = oneAtATime(whole.opts.OnRetry)
	g, ctx := stream.NewGroup(ctx)
	p := &parallel{whole: whole, group: g, next: whole.pos, free: newFreeList(d, lent), account: account}
	return g.Do(func() error { return p.each(ctx, emit) })
}

// oneAtATime returns f with its calls in sequence. f may be nil.
func oneAtATime(f func(error, time.Duration)) func(error, time.Duration) {
	if f == nil {
		return nil
	}
	var mu sync.Mutex
	return func(err error, wait time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		f(err, wait)
	}
}

// parallel is the state of a parallel download.
type parallel struct {
	whole *run // the whole download: what is emitted and verified
	group *stream.Group
	next  int64  // offset of the next part to request
	parts []part // in flight, in order
	free  *freeList

	account *stream.Account
}

// part is a range of the object in flight.
type part struct {
	queue *queue
	held  int64 // of the account
}

// each emits the parts in order.
func (p *parallel) each(ctx context.Context, emit func([]byte) error) error {
	for {
		for len(p.parts) < p.whole.opts.Parallelism && p.next < p.whole.end {
			if held, err := p.reserve(ctx); err != nil {
				return err
			} else if held == 0 {
				break
			} else {
				p.start(ctx, held)
			}
		}
		if len(p.parts) == 0 {
			return p.whole.conclude(ctx)
		}
		if err := p.emitFirst(ctx, emit); err != nil {
			return err
		}
		p.account.Release(p.parts[0].held)
		p.parts = p.parts[1:]
	}
}

// reserve takes the memory of the next part from the account. It returns 0 if there is none until a
// part in flight ends.
func (p *parallel) reserve(ctx context.Context) (int64, error) {
	size := min(p.whole.opts.PartSize, p.whole.end-p.next)
	switch {
	case p.next == p.whole.opts.Offset:
		return p.whole.opts.PartSize, nil // taken before the first request
	case len(p.parts) == 0:
		return size, p.account.Acquire(ctx, size)
	case !p.account.TryAcquire(size):
		p.free.drop()
		return 0, nil
	}
	return size, nil
}

// start requests the next part.
func (p *parallel) start(ctx context.Context, held int64) {
	first := p.next
	p.next = min(first+p.whole.opts.PartSize, p.whole.end)
	fetch := p.whole.rangeRun(first, p.next)
	fetch.newChunk = p.free.get
	this := part{queue: newQueue(), held: held}
	p.parts = append(p.parts, this)
	p.group.Go(func() error {
		err := fetch.each(ctx, func(chunk []byte) error {
			if unused := this.queue.put(chunk); unused != nil {
				p.free.put(unused)
			}
			return nil
		})
		if err == nil {
			this.queue.end()
		}
		return err
	})
}

// emitFirst emits the first part in flight, chunk by chunk as they come.
func (p *parallel) emitFirst(ctx context.Context, emit func([]byte) error) error {
	for {
		chunks, err := p.parts[0].queue.take(ctx)
		if err != nil || len(chunks) == 0 {
			return err
		}
		for i, chunk := range chunks {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			p.whole.pos += int64(len(chunk))
			if err := p.whole.emit(chunk, emit); err != nil {
				return err
			}
			chunks[i] = nil // the receiver has it, or the free list
			p.free.put(chunk)
		}
	}
}

// freeList has the memory of chunks that were lent and came back.
type freeList struct {
	size int64
	free chan []byte // nil if chunks belong to their receiver
}

func newFreeList(d *download, lent bool) *freeList {
	l := &freeList{size: int64(d.opts.ChunkSize)}
	if lent {
		l.free = make(chan []byte, min(int64(d.opts.Parallelism)*(d.opts.PartSize/l.size+1), maxFree))
	}
	return l
}

// maxFree is the greatest number of chunks that wait to be used again.
const maxFree = 1 << 16

// get returns memory for n bytes.
func (l *freeList) get(n int64) []byte {
	if l.free == nil {
		return make([]byte, n)
	}
	select {
	case chunk := <-l.free:
		return chunk[:n]
	default:
		return make([]byte, n, l.size)
	}
}

// put takes back the memory of a chunk.
func (l *freeList) put(chunk []byte) {
	select {
	case l.free <- chunk:
	default: // the list is full, or there is none
	}
}

// drop gives up the memory that waits to be used again.
func (l *freeList) drop() {
	for {
		select {
		case <-l.free:
		default:
			return
		}
	}
}
