package stream_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// A Buffer keeps the elements that its strategy selects, wherever its ring begins. The upstream
// runs ahead of a downstream that waits.
func TestBufferKeepsWhatItsStrategySays(t *testing.T) {
	for _, n := range []int{1, 2, 3, 15, 16, 17, 40} {
		for _, more := range []int{0, 1, n - 1, n, n + 1, 2*n + 1} {
			for strategy, kept := range map[stream.Overflow]func(all []int) []int{
				stream.DropOldest: func(all []int) []int { return all[max(0, len(all)-n):] },
				stream.DropNewest: func(all []int) []int { return all[:min(n, len(all))] },
				stream.DropAll: func(all []int) []int {
					if len(all) <= n {
						return all
					}
					return all[(len(all)-1)/n*n:]
				},
			} {
				t.Run(fmt.Sprint(n, " and ", more, " by ", strategy), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						// The first rounds are drained at once, so that the ring begins anywhere.
						// Then the downstream waits once.
						const first = 7
						src := stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
							for i := range first + 1 {
								if err := emit(i); err != nil {
									return err
								}
								synctest.Wait()
							}
							for i := range more {
								if err := emit(first + 1 + i); err != nil {
									return err
								}
							}
							return nil
						})
						ended := make(chan struct{})
						upstream := stream.SourceFunc[int](func(ctx context.Context, emit func(int) error) error {
							defer close(ended)
							return src.Each(ctx, emit)
						})
						held := stream.Map(func(v int) int {
							if v == first {
								<-ended
							}
							return v
						})
						got, err := stream.Run(t.Context(),
							stream.Via2(upstream, stream.Buffer[int](n, strategy), held), sink.Slice[int]())
						var all []int
						for i := range more {
							all = append(all, first+1+i)
						}
						want := append([]int{0, 1, 2, 3, 4, 5, 6, 7}, kept(all)...)
						if err != nil || !slices.Equal(got, want) {
							t.Errorf("%v, %v, want %v", got, err, want)
						}
					})
				})
			}
		}
	}
}

// The cost of an element does not depend on the number of waiting elements.
func BenchmarkBufferDropsOldest(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			started := make(chan struct{})
			upstream := stream.SourceFunc[int](func(_ context.Context, emit func(int) error) error {
				for i := range b.N + n {
					if err := emit(i); err != nil {
						return err
					}
				}
				close(started)
				return nil
			})
			_, err := stream.Run(b.Context(), stream.Via(upstream, stream.Buffer[int](n, stream.DropOldest)),
				sink.ForEach(func(context.Context, int) error {
					<-started
					return nil
				}))
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}
