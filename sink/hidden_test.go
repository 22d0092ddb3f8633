package sink_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

var errFull = errors.New("no space is left")

// A failed Write fails the run, even if the source hides the error from the sink. File uses the
// same code.
func TestWriterFailsWhereASourceHidesIt(t *testing.T) {
	hides := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		for range 3 {
			_ = emit([]byte("abc"))
		}
		return nil
	})
	full := &failer{writer{limit: 4, err: errFull}}
	create := sink.Create(func(context.Context) (io.WriteCloser, error) { return full, nil })
	for name, into := range map[string]stream.Sink[[]byte, int64]{
		"Writer": sink.Writer(&writer{limit: 4, err: errFull}),
		"Create": create,
	} {
		if n, err := stream.Run(t.Context(), hides, into); n != 4 || !errors.Is(err, errFull) {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
	if len(full.closed) != 1 || !errors.Is(full.closed[0], errFull) {
		t.Errorf("closed with %v", full.closed)
	}
}
