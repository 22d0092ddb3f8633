package stream_test

import (
	"context"
	"errors"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

func TestMapResourceClosesInEveryEnd(t *testing.T) {
	shutErr := errors.New("shut")
	for _, cause := range []error{nil, errBoom} {
		closed := 0
		flow := stream.MapResource(func(context.Context) (*int, error) { return &closed, nil },
			func(_ *int, _ context.Context, n int) (int, error) { return n, nil },
			func(c *int, ctx context.Context) error { *c++; return errors.Join(ctx.Err(), shutErr) })
		_, err := stream.Run(t.Context(), stream.Via(failing(cause, 1, 2), flow), sink.Discard[int]())
		if closed != 1 || !errors.Is(err, shutErr) || cause != nil && !errors.Is(err, cause) {
			t.Errorf("closed %d times, %v", closed, err)
		}
	}
}
