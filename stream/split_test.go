package stream_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

func tens(v int) bool { return v%10 == 0 }

// A reader of a section that ends also ends the section at once, even while the source waits for an
// element.
func TestSplitOfStalledSource(t *testing.T) {
	for name, c := range inner {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				time.AfterFunc(time.Hour, func() { cancel(errOther) })
				began := time.Now()
				var took time.Duration
				var got []int
				var err error
				section := stream.TryMap(func(ctx context.Context, s stream.Source[int]) (int, error) {
					got, err = stream.Run(ctx, stream.Via(s, c.flow), sink.Slice[int]())
					took = time.Since(began)
					time.AfterFunc(time.Minute, func() { cancel(errOther) })
					return 0, err
				})
				_, end := stream.Run(ctx, stream.Via2(stalled(3), stream.SplitWhen(tens), section), sink.Discard[int]())
				if !errors.Is(err, c.err) || err == nil && !slices.Equal(got, c.want) || took > time.Second {
					t.Errorf("the section: %v, %v after %v", got, err, took)
				}
				// an early end leaves the source to the next section
				if took = time.Since(began); c.err != nil && (!errors.Is(end, c.err) || took > time.Second) ||
					c.err == nil && end != errOther {
					t.Errorf("the run: %v after %v", end, took)
				}
			})
		})
	}
}

// If a reader leaves a section early, or handles its failure, the other sections are unaffected.
func TestSplitGoesOnAfterSection(t *testing.T) {
	for name, c := range inner {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var firsts []int
				section := stream.TryMap(func(ctx context.Context, s stream.Source[int]) (int, error) {
					if len(firsts) == 1 {
						_, err := stream.Run(ctx, stream.Via(s, c.flow), sink.Discard[int]())
						if !errors.Is(err, c.err) {
							t.Errorf("the section ended with %v", err)
						}
						firsts = append(firsts, -1)
						return 0, nil
					}
					got, err := stream.Run(ctx, s, sink.Slice[int]())
					firsts = append(firsts, got[0])
					if len(got) != 10 {
						t.Errorf("a section of %v", got)
					}
					return 0, err
				})
				src := stream.Via(count(40), pause(2*time.Second))
				_, err := stream.Run(t.Context(), stream.Via2(src, stream.SplitWhen(tens), section),
					sink.Discard[int]())
				if err != nil || !slices.Equal(firsts, []int{0, -1, 20, 30}) {
					t.Errorf("%v, %v", firsts, err)
				}
			})
		})
	}
}
