package source

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Never returns a source that emits nothing and does not complete: it waits until the context is done. It is for tests of what
// waits for elements.
func Never[T any]() stream.Source[T] {
	return stream.SourceFunc[T](func(ctx context.Context, _ func(T) error) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
}
