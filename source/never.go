package source

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Never returns a source that emits nothing and does not complete: it blocks until the context is
// done or the run is drained. Use it in tests of stages that wait for elements.
func Never[T any]() stream.Source[T] {
	return stream.SourceFunc[T](func(ctx context.Context, _ func(T) error) error {
		select {
		case <-stream.Draining(ctx):
		case <-ctx.Done():
		}
		return context.Cause(ctx)
	})
}
