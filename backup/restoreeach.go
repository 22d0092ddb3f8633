package backup

import (
	"context"
	"sync/atomic"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// eachAtOnce calls f for each collection, several at once, and returns the error of the first that
// failed. After a failure it does not call f again, but it waits for the calls that have begun: a
// request that is cut short may still take effect later.
func eachAtOnce(ctx context.Context, all []*collectionRestore,
	f func(context.Context, *collectionRestore) error,
) error {
	var failing atomic.Bool
	results, err := stream.Run(ctx, stream.Via(source.Slice(all), stream.MapParallel(requestsAtOnce,
		func(ctx context.Context, r *collectionRestore) (error, error) {
			if failing.Load() {
				return nil, nil
			}
			err := f(ctx, r)
			if err != nil {
				failing.Store(true)
			}
			return err, nil
		})), sink.Slice[error]())
	for _, result := range results {
		if result != nil {
			return result
		}
	}
	return err
}
