package inflight_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/millweir/millweir/internal/inflight"
)

func TestLimit(t *testing.T) {
	for name, c := range map[string]struct {
		units int
		bytes int64
		sizes []int64
		admit int // units admitted without a release
	}{
		"within the bytes":       {1, 10, []int64{3, 3, 4, 1}, 3},
		"one of any size":        {1, 10, []int64{50, 1}, 1},
		"two of any size":        {2, 10, []int64{50, 50, 1}, 2},
		"small ones beyond them": {2, 10, []int64{1, 1, 8, 1}, 3},
		"a large one waits":      {1, 10, []int64{1, 10}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := inflight.New(c.units, c.bytes)
				admitted := make(chan int64, len(c.sizes))
				go func() {
					for _, n := range c.sizes {
						if err := l.Acquire(t.Context(), n); err != nil {
							t.Error(err)
						}
						admitted <- n
					}
				}()
				synctest.Wait()
				if n := len(admitted); n != c.admit {
					t.Errorf("%d units were admitted, want %d", n, c.admit)
				}
				for range c.sizes {
					l.Release(<-admitted)
					synctest.Wait()
				}
			})
		})
	}
}

func TestLimitEndsWithItsContext(t *testing.T) {
	l := inflight.New(0, 0)
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := errors.New("ended")
	cancel(ended)
	if err := l.Acquire(ctx, 1); !errors.Is(err, ended) {
		t.Errorf("got %v, want the cause", err)
	}
}
