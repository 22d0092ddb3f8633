package stream

import (
	"context"
	"fmt"
)

// GroupBy returns a flow that sends the elements of each key through a flow of their own, which open makes when the key first
// comes, and emits what these emit, as it comes. More than max keys end the run with [ErrLimit].
//
//		stream.GroupBy(100, tenant, func(t string) stream.Flow[[]byte, s3sink.Object] {
//			return stream.ResultOf(s3sink.Upload(client, bucket, t+".jsonl", nil))
//		})
//
//	  - Memory: up to 16 elements a key, and 64 of what it emits.
//	  - Order and goroutines: what one key's flow emits keeps its order; one goroutine a key and one for the upstream, all have
//	    ended when the run returns.
//	  - Errors: the first error of a flow ends the run and the others. Elements for a flow that ended early are dropped.
func GroupBy[T, U any, K comparable](max int, key func(T) K, open func(K) Flow[T, U]) Flow[T, U] {
	switch {
	case max < 1:
		return invalid[T, U]("GroupBy: %d keys; it must be at least 1", max)
	case key == nil || open == nil:
		return invalid[T, U]("GroupBy: a function is nil")
	}
	return FlowFunc[T, U](func(src Source[T]) Source[U] {
		return merging(func(ctx context.Context, spawn func(Source[U], func())) error {
			groups := map[K]branch[T]{}
			err := src.Each(ctx, func(v T) error {
				k := key(v)
				b, ok := groups[k]
				if !ok {
					if len(groups) == max {
						return fmt.Errorf("stream: GroupBy: more than %d keys: %w", max, ErrLimit)
					}
					b = newBranch[T](ctx, sideAhead)
					groups[k] = b
					flow := open(k)
					spawn(SourceFunc[U](func(ctx context.Context, emit func(U) error) error {
						err := each(ctx, Via(b.q.source(), flow), emit)
						if err == nil {
							b.leave()
						}
						return err
					}), nil)
				}
				return b.push(v)
			})
			if err == nil {
				for _, b := range groups {
					b.q.end()
				}
			}
			return err
		})
	})
}
