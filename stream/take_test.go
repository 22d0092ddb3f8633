package stream_test

import (
	"context"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

func TestTakeNoneDoesNotRunTheUpstream(t *testing.T) {
	src := stream.SourceFunc[int](func(context.Context, func(int) error) error { t.Error("started"); return nil })
	if n, err := stream.Run(t.Context(), stream.Via(src, stream.Take[int](0)), sink.Discard[int]()); n != 0 ||
		err != nil {
		t.Errorf("%d elements, %v", n, err)
	}
}
