package bsoncodec

import (
	"context"
	"sync"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/inflight"
	"github.com/millweir/millweir/stream"
)

// batch is a part of a stream that one goroutine converts.
type batch[I, O any] struct {
	in    []I
	size  int  // bytes of in
	first bool // in begins the stream
	lines int64
	out   []O
	err   error // of the conversion; it comes after out

	upstream error // the error of the upstream, which comes after all batches; nil in the others
}

// batches converts a stream on several goroutines, in order. It is one run of a stage.
type batches[I, O any] struct {
	stage   string // for errors
	n       int    // goroutines
	size    int    // usual bytes of a batch
	most    int    // goroutines that the user asked for by an option, or 0
	convert func(*batch[I, O])
	free    sync.Pool // of *batch[I, O]
}

// The memory of batches in flight, in bytes. A batch counts batchMemory times its size: its input,
// its output and a copy in between. A batch that exceeds workerMemory for each goroutine is in
// flight alone.
const (
	batchMemory  = 3
	workerMemory = 2 << 20
)

// batchSize is the size of a batch of documents by default, in bytes. A batch of lines ends after
// the next newline.
const batchSize = 256 << 10

// run passes each batch that cut emits through convert, and then to take, in the order of cut. The
// errors of convert and of cut come after the batches before them.
func (r *batches[I, O]) run(ctx context.Context, cut func(context.Context, func(*batch[I, O]) error) error,
	take func(*batch[I, O]) error,
) error {
	inFlight := inflight.New(1, int64(r.n)*workerMemory)
	least := batchMemory * int64(r.size)
	account := stream.OpenAccount(ctx, stream.Need{Stage: r.stage, Min: least, Requested: least * int64(r.most)})
	defer account.Close()
	var upstream, downstream error
	all := stream.SourceFunc[*batch[I, O]](func(ctx context.Context, emit func(*batch[I, O]) error) error {
		err := cut(ctx, func(b *batch[I, O]) error {
			cost := batchMemory * int64(b.size)
			if err := inFlight.Acquire(ctx, cost); err != nil {
				return err
			}
			if err := account.Acquire(ctx, cost); err != nil {
				return err
			}
			return emit(b)
		})
		if err == nil || ctx.Err() != nil {
			return err
		}
		upstream = err
		return emit(&batch[I, O]{upstream: err})
	})
	work := stream.MapParallel(r.n, func(_ context.Context, b *batch[I, O]) (*batch[I, O], error) {
		if b.upstream == nil {
			r.convert(b)
		}
		return b, nil
	})
	err := guarded.Each(ctx, stream.Via(all, work), func(b *batch[I, O]) error {
		if b.upstream != nil {
			return b.upstream
		}
		cost := batchMemory * int64(b.size)
		account.Release(cost) // out belongs to the downstream
		if downstream = take(b); downstream != nil {
			return downstream
		}
		if b.err != nil {
			return b.err
		}
		inFlight.Release(cost)
		r.put(b)
		return nil
	})
	if upstream == nil || downstream == nil || stream.Stopped(downstream) {
		return err
	}
	// The downstream may have failed because the upstream did. The group knows such echoes.
	g, _ := stream.NewGroup(ctx)
	g.Fail(err)
	return g.Do(func() error { return upstream })
}

// get returns an empty batch.
func (r *batches[I, O]) get() *batch[I, O] {
	if b, ok := r.free.Get().(*batch[I, O]); ok {
		return b
	}
	return new(batch[I, O])
}

// put takes back a batch that is no longer used.
func (r *batches[I, O]) put(b *batch[I, O]) {
	clear(b.in)
	clear(b.out)
	*b = batch[I, O]{in: b.in[:0], out: b.out[:0]}
	r.free.Put(b)
}
