package stream

import (
	"cmp"
	"context"
	"time"
)

// StoreOptions tunes [StoreBatches]. The zero value is ready to use.
type StoreOptions struct {
	MaxElements int           // in a batch; 0 means 1,000
	MaxDelay    time.Duration // from the first element of a batch to its store; 0 means 1 s
	Parallelism int           // batches that are stored at once; 0 means 1

	// Retry repeats a store that failed, with a copy of the batch. nil means that its first error ends
	// the run.
	Retry *Backoff
}

// Stored is the result of [StoreBatches].
type Stored[P any] struct {
	Batches  int64         // stored, and so is everything before them
	Elements int64         // in these batches
	Last     Checkpoint[P] // the last one that was saved; not valid if there is none
}

// StoreBatches returns a sink that stores elements in batches, and saves the position of each batch
// after the batch and all batches before it are stored. A reader that resumes at the saved position
// misses nothing, even after a crash:
//
//	events := stream.Via(source, stream.Checkpoints(Event.Token))
//	stream.Run(ctx, events, stream.StoreBatches(archive.Store, saveToken, nil))
//
// store must return nil only when the batch is durable.
//
//   - In: elements with checkpoints in ascending order, from [Checkpoints].
//   - Result: the counts of Stored, also with an error.
//   - Memory: 2×Parallelism+1 batches, more if store takes microseconds (see [MapParallel]), and up
//     to 1,024 elements that wait.
//   - Order and goroutines: Parallelism goroutines call store, one gathers batches, and one runs
//     the upstream; all have ended when the run returns. save is called in order, on the caller's
//     goroutine.
//   - Errors: those of the upstream, store and save. Each ends the run. An error of store may come
//     while later batches are stored; their positions are not saved.
//   - Early end: a drain stores and saves everything that the source has emitted. A failure or a
//     cancellation drops the incomplete batch.
//
// After a crash or an error, elements after the saved position come again, so a store must be safe
// to repeat: an upsert, or an object whose name comes from its first element. To save the position
// in the same transaction as the data, use [CarryBatch] and [TryMap].
func StoreBatches[T, P any](
	store func(ctx context.Context, batch []T) error,
	save func(ctx context.Context, upTo P) error,
	opts *StoreOptions,
) Sink[Envelope[T, Checkpoint[P]], Stored[P]] {
	type element = Envelope[T, Checkpoint[P]]
	o, err := opts.filled()
	if store == nil || save == nil {
		err = errNilFunc("StoreBatches")
	}
	put := func(ctx context.Context, batch []T) (int64, error) { return int64(len(batch)), store(ctx, batch) }
	if err == nil && o.Retry != nil {
		clone := detacher[[]T]() // store may change what it gets
		put = retrying("StoreBatches", func(ctx context.Context, batch []T) (int64, error) {
			return int64(len(batch)), store(ctx, clone(batch))
		}, *o.Retry)
	}
	return SinkFunc[element, Stored[P]](func(ctx context.Context, src Source[element]) (Stored[P], error) {
		if err != nil {
			return Stored[P]{}, err
		}
		var done Stored[P]
		batches := Then(ascending[T, P]("StoreBatches"), CarryBatch(BatchWithin[element](o.MaxElements, o.MaxDelay)))
		stored := Via3(src, batches, MapParallel(o.Parallelism, OnValue[Checkpoint[P]](put)), Map(done.count))
		last, err := Acknowledge[int64](save).Consume(ctx, stored)
		done.Last = last
		return done, err
	})
}

// count counts a batch that is stored.
func (s *Stored[P]) count(elements Envelope[int64, Checkpoint[P]]) Envelope[int64, Checkpoint[P]] {
	s.Batches++
	s.Elements += elements.Value
	return elements
}

// ascending returns a flow that ends the run at a checkpoint that comes after a later one.
func ascending[T, P any](name string) Flow[Envelope[T, Checkpoint[P]], Envelope[T, Checkpoint[P]]] {
	type element = Envelope[T, Checkpoint[P]]
	return fuse(func(_ context.Context, emit func(element) error) func(element) error {
		last := int64(0)
		return func(e element) error {
			if number := e.Context.number; number > 0 {
				if number < last {
					return errOutOfOrder(name, number, last)
				}
				last = number
			}
			return emit(e)
		}
	})
}

// filled returns the options with their defaults, or an error that names the wrong one.
func (o *StoreOptions) filled() (StoreOptions, error) {
	var all StoreOptions
	if o != nil {
		all = *o
	}
	all.MaxElements = cmp.Or(all.MaxElements, 1000)
	all.MaxDelay = cmp.Or(all.MaxDelay, time.Second)
	all.Parallelism = cmp.Or(all.Parallelism, 1)
	switch {
	case all.MaxElements < 0:
		return all, invalidError("StoreBatches: batches of %d elements; it must not be negative", all.MaxElements)
	case all.MaxDelay < 0:
		return all, invalidError("StoreBatches: a delay of %v; it must not be negative", all.MaxDelay)
	case all.Parallelism < 0:
		return all, invalidError("StoreBatches: a parallelism of %d; it must not be negative", all.Parallelism)
	case all.Retry == nil:
		return all, nil
	}
	backoff, err := all.Retry.filled("StoreBatches")
	all.Retry = &backoff
	return all, err
}
