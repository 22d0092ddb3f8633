package stream_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Each consumer of a broadcast owns its bytes: the others do not see its changes.
func TestBroadcastHubSharesNoBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewBroadcastHub[[]byte](4)
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				_, err := stream.Run(t.Context(), hub.Source(), sink.ForEach(func(_ context.Context, p []byte) error {
					if string(p) != "chunk" {
						t.Errorf("consumer %d got %q", i, p)
					}
					clear(p[:cap(p)]) // as a receiver may
					return nil
				}))
				if err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // all consumers are there
		if n, err := stream.Run(t.Context(), source.Of([]byte("chunk"), []byte("chunk"), []byte("chunk")),
			hub); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		wg.Wait()
	})
}
