package stream

import (
	"context"

	"github.com/millweir/millweir/internal/early"
)

// ByteLen returns the length of p in bytes. It is the size function of [BatchBytes] for chunks and
// raw documents.
func ByteLen[T ~[]byte](p T) int { return len(p) }

// Batch returns a flow that gathers elements into slices of n. The last slice may be shorter; none
// is empty.
//
//   - Memory: one batch.
//   - Errors: if the upstream fails, an incomplete batch is dropped.
func Batch[T any](n int) Flow[T, []T] {
	if n < 1 {
		return invalid[T, []T]("Batch: batches of %d elements; it must be at least 1", n)
	}
	return NewFlow(func(ctx context.Context, src Source[T], emit func([]T) error) error {
		var batch []T
		add := func(vs ...T) error {
			if batch == nil {
				batch = make([]T, 0, min(n, batchRoom))
			}
			batch = append(batch, vs...)
			if len(batch) < n {
				return nil
			}
			full := batch
			batch = nil
			return emit(full)
		}
		err := pour(early.Detached(ctx), src, receiver[T]{
			one: func(v T) error { return add(v) },
			many: func(vs []T) error {
				for len(vs) > 0 {
					if ctx.Err() != nil {
						return context.Cause(ctx)
					}
					k := min(n-len(batch), len(vs))
					if err := add(vs[:k]...); err != nil {
						return err
					}
					vs = vs[k:]
				}
				return nil
			},
		})
		if err != nil || len(batch) == 0 {
			return err
		}
		return emit(batch)
	})
}

// batchRoom is the maximum initial capacity of a batch.
const batchRoom = 1024

// BatchBytes returns a flow that gathers elements into slices of at most max bytes in total; size
// returns the bytes of an element. An element larger than max forms its own batch. The last batch
// may be smaller; none is empty.
//
//   - Memory: one batch, taken from a [Budget].
//   - Errors: if the upstream fails, an incomplete batch is dropped.
func BatchBytes[T any](max int, size func(T) int) Flow[T, []T] {
	switch {
	case max < 1:
		return invalid[T, []T]("BatchBytes: batches of %d bytes; it must be at least 1", max)
	case size == nil:
		return invalid[T, []T]("BatchBytes: the size function is nil")
	}
	return batch(batcher[T]{stage: "BatchBytes", bytes: max, size: size})
}

func batch[T any](limits batcher[T]) Flow[T, []T] {
	return NewFlow(func(ctx context.Context, src Source[T], emit func([]T) error) error {
		b := limits
		b.open(ctx)
		defer b.account.Close()
		if err := src.Each(early.Detached(ctx), func(v T) error { return b.add(ctx, v, emit) }); err != nil {
			return err
		}
		return b.flush(emit)
	})
}

// batcher gathers the batch of one run.
type batcher[T any] struct {
	stage string
	count int // maximum number of elements; 0 means no limit
	bytes int // maximum number of bytes, if size is set
	size  func(T) int

	account *Account
	batch   []T
	sum     int
	taken   int64 // from the account, for the batch
}

// open opens the account of a run. The caller must close it. Elements without a size are not
// counted.
func (b *batcher[T]) open(ctx context.Context) {
	if b.size != nil {
		b.account = OpenAccount(ctx, Need{Stage: b.stage, Min: int64(b.bytes)})
	}
}

// add puts v into the batch and emits each batch that is full.
func (b *batcher[T]) add(ctx context.Context, v T, emit func([]T) error) error {
	if b.size != nil {
		n := max(b.size(v), 0)
		if len(b.batch) > 0 && n > b.bytes-b.sum {
			if err := b.flush(emit); err != nil {
				return err
			}
		}
		b.sum += n
	}
	if len(b.batch) == 0 {
		if err := b.begin(ctx); err != nil {
			return err
		}
	}
	b.batch = append(b.batch, v)
	if len(b.batch) == b.count || b.size != nil && b.sum >= b.bytes {
		return b.flush(emit)
	}
	return nil
}

// begin makes room for a batch, and takes the bytes of a full one at once. An element that is
// larger than a batch is alone in its own, so its bytes are known.
func (b *batcher[T]) begin(ctx context.Context) error {
	if b.batch == nil {
		b.batch = make([]T, 0, min(max(b.count, 16), batchRoom))
	}
	if b.account == nil {
		return nil
	}
	b.taken = int64(max(b.bytes, b.sum))
	return b.account.Acquire(ctx, b.taken)
}

// flush emits the batch, unless it is empty.
func (b *batcher[T]) flush(emit func([]T) error) error {
	if len(b.batch) == 0 {
		return nil
	}
	full := b.batch
	b.batch, b.sum = nil, 0
	b.account.Release(b.taken) // before emit: the batch now belongs to the downstream
	return emit(full)
}
