package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

type (
	position = stream.Checkpoint[int]
	marked   = stream.Envelope[int, position]
)

func positions() stream.Flow[int, marked] {
	return stream.Checkpoints(func(n int) int { return n })
}

// ledger records the elements that are stored or dropped on purpose. Stages on several goroutines
// write to it.
type ledger struct {
	t     *testing.T
	mu    sync.Mutex
	there map[int]bool
	saved []int
	drops bool
}

// save records that all elements up to n are stored.
func (l *ledger) save(_ context.Context, n int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range n + 1 {
		if !l.there[i] {
			l.t.Errorf("position %d was acknowledged before %d was stored", n, i)
			return errBoom
		}
	}
	l.saved = append(l.saved, n)
	return nil
}

// Whatever stages a checkpoint passes, its acknowledgement means that everything before it is
// stored. At the end, the last element has been acknowledged.
func TestCheckpointsAreNeverEarly(t *testing.T) {
	jitter := func(ctx context.Context, n int) (int, error) {
		return n, sleepFor(ctx, time.Duration(rand.IntN(20))*time.Millisecond)
	}
	pass := func(flow stream.Flow[marked, marked]) func(*ledger) stream.Flow[marked, marked] {
		return func(*ledger) stream.Flow[marked, marked] { return flow }
	}
	lists := func(batch stream.Flow[marked, []marked]) func(*ledger) stream.Flow[marked, marked] {
		spread := stream.FlatMap(func(e stream.Envelope[[]int, position]) (out []marked) {
			for i, n := range e.Value {
				out = append(out, marked{Value: n})
				if i == len(e.Value)-1 {
					out[i].Context = e.Context
				}
			}
			return out
		})
		return pass(stream.Then(stream.CarryBatch(batch), spread))
	}
	segments := func(n int, flow stream.Flow[int, int]) func(*ledger) stream.Flow[marked, marked] {
		return pass(stream.CarrySegments[int](n, flow))
	}
	stages := map[string]func(*ledger) stream.Flow[marked, marked]{
		"Async": pass(stream.Async[marked](5)),
		"Filter": func(l *ledger) stream.Flow[marked, marked] {
			return stream.Filter(func(e marked) bool { return l.keep(e.Value, 3) })
		},
		"TryMap":      pass(stream.TryMap(stream.OnValue[position](jitter))),
		"MapParallel": pass(stream.MapParallel(4, stream.OnValue[position](jitter))),
		"MapKeyed": pass(
			stream.MapKeyed(4, 1, func(e marked) int { return e.Value % 3 }, stream.OnValue[position](jitter))),
		"Retry":                     pass(stream.MapParallel(4, stream.Retry(stream.OnValue[position](jitter), nil))),
		"CarryMapUnordered":         pass(stream.CarryMapUnordered[int](4, jitter)),
		"Batch":                     lists(stream.Batch[marked](7)),
		"BatchBytes":                lists(stream.BatchBytes(5, func(e marked) int { return e.Value % 4 })),
		"BatchWithin":               lists(stream.BatchWithin[marked](7, 10*time.Millisecond)),
		"CarrySegments, of a batch": segments(5, unbatch(stream.Batch[int](3))),
		"CarrySegments, of all":     segments(0, unbatch(stream.Batch[int](3))),
		"CarrySegments, of one":     segments(1, stream.Async[int](3)),
		"CarrySegments, parallel":   segments(8, stream.MapUnordered(3, jitter)),
		"CarrySegments, of none": func(l *ledger) stream.Flow[marked, marked] {
			return stream.CarrySegments[int](2, stream.Filter(func(n int) bool { return l.keep(n, 2) }))
		},
	}
	names := make([]string, 0, len(stages))
	for name := range stages {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, first := range names {
		for _, second := range names {
			t.Run(first+" then "+second, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := &ledger{t: t, there: map[int]bool{}}
					var chain stream.Flow[marked, marked] = stream.Then(stages[first](l), stages[second](l))
					src := stream.Via3(count(40), positions(), chain, stream.Map(l.store))
					last, err := stream.Run(t.Context(), src, stream.Acknowledge[int](l.save))
					if err != nil || !slices.IsSorted(l.saved) || last.Valid != (len(l.saved) > 0) ||
						last.Valid && l.saved[len(l.saved)-1] != last.Position {
						t.Fatalf("%v, %v, %v", last, err, l.saved)
					}
					// if the last elements are dropped, no later checkpoint covers them
					if last.Position != 39 && !l.drops {
						t.Errorf("all is stored, and acknowledged up to %d", last.Position)
					}
				})
			})
		}
	}
}

// keep drops every kth element, except the first ones, and records that it need not be stored.
func (l *ledger) keep(n, k int) bool {
	if n%k > 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.there[n], l.drops = true, true
	return false
}

// store records that the element of e is stored.
func (l *ledger) store(e marked) marked {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.there[e.Value] = true
	return e
}

// Stages that do not keep the order refuse checkpoints at once.
func TestCheckpointsRefuseReordering(t *testing.T) {
	same := stream.Map(func(e marked) marked { return e })
	try := func(_ context.Context, e marked) (marked, error) { return e, nil }
	value := func(e marked) int { return e.Value }
	started := func() { t.Error("the upstream was started") }
	src := untouched[marked](started)
	for name, bad := range map[string]stream.Source[marked]{
		"MapUnordered": stream.Via(src, stream.MapUnordered(2, try)),
		"Balance":      stream.Via(src, stream.Balance(same, same)),
		"Broadcast":    stream.Via(src, stream.Broadcast(same, same)),
		"Partition":    stream.Via(src, stream.Partition(value, same, same)),
		"GroupBy": stream.Via(src,
			stream.GroupBy(2, value, func(int) stream.Flow[marked, marked] { return same }, nil)),
		"MergeMap": stream.Via(src,
			stream.MergeMap(2, func(e marked) stream.Source[marked] { return source.Of(e) })),
		"Merge":          stream.Merge(src, src),
		"MergePreferred": stream.MergePreferred(src, src),
		"MergeWeighted":  stream.MergeWeighted([]int{1, 1}, src, src),
		"MergeSorted":    stream.MergeSorted(func(a, b marked) int { return a.Value - b.Value }, src, src),
		"MergeSequence":  stream.MergeSequence(func(e marked) int64 { return int64(e.Value) }, src, src),
		"Interleave":     stream.Interleave(1, src, src),
		"Carry": stream.Via(stream.Via(src, stream.Carry[position](stream.Map(func(n int) int { return n }))),
			stream.Map(func(e marked) marked { return e })),
	} {
		if _, err := stream.Run(t.Context(), bad, sink.Discard[marked]()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	backwards := stream.FlowFunc[marked, marked](func(src stream.Source[marked]) stream.Source[marked] {
		return stream.Via2(src, stream.ResultOf(sink.Slice[marked]()), stream.FlatMap(func(es []marked) []marked {
			slices.Reverse(es)
			return es
		}))
	})
	got, err := stream.Run(t.Context(), stream.Via2(count(3), positions(), backwards),
		stream.Acknowledge[int](func(context.Context, int) error { return nil }))
	if err == nil || got.Position != 2 {
		t.Errorf("checkpoints in the wrong order: %v, %v", got, err)
	}
}

// A checkpoint owns its position, even if the position was part of an element that changes.
func TestCheckpointsOwnTheirPosition(t *testing.T) {
	ids := stream.Via(source.Of([]byte("a"), []byte("b")), stream.Checkpoints(func(p []byte) []byte { return p }))
	spoil := stream.Map(
		func(e stream.Envelope[[]byte, stream.Checkpoint[[]byte]]) stream.Envelope[[]byte, stream.Checkpoint[[]byte]] {
			e.Value[0] = 'x'
			return e
		})
	last, err := stream.Run(t.Context(), stream.Via(ids, spoil),
		stream.Acknowledge[[]byte](func(context.Context, []byte) error { return nil }))
	if string(last.Position) != "b" || err != nil {
		t.Errorf("%q, %v", last.Position, err)
	}
}

func TestAcknowledgeFails(t *testing.T) {
	saved := 0
	last, err := stream.Run(t.Context(), stream.Via(count(9), positions()),
		stream.Acknowledge[int](func(_ context.Context, n int) error {
			if n == 3 {
				return errBoom
			}
			saved++
			return nil
		}))
	if !errors.Is(err, errBoom) || saved != 3 || last.Position != 2 {
		t.Errorf("%d saved, the last is %v, %v", saved, last, err)
	}
}

// The low-water mark moves to the last position before the first one that is not done, in any order
// of completion.
func TestLowWater(t *testing.T) {
	for range 100 {
		var low stream.LowWater[int]
		var receipts []*stream.Receipt[int]
		for n := range 8 {
			receipts = append(receipts, low.Begin(n*10))
		}
		done := map[int]bool{}
		want, some := 0, false
		for _, n := range rand.Perm(8) {
			mark, moved := receipts[n].Done()
			done[n] = true
			reached := 0
			for done[reached] {
				reached++
			}
			if reached > 0 && (!some || (reached-1)*10 > want) {
				if want, some = (reached-1)*10, true; !moved || mark != want {
					t.Fatalf("%v done: %d, %v instead of %d", done, mark, moved, want)
				}
			} else if moved {
				t.Fatalf("%v done: it moved to %d", done, mark)
			}
			if again, moved := receipts[n].Done(); moved {
				t.Fatalf("done twice: it moved to %d", again)
			}
			if mark, ok := low.Mark(); ok != some || mark != want {
				t.Fatalf("%v done: the mark is %d, %v", done, mark, ok)
			}
		}
	}
}

func ExampleLowWater() {
	var low stream.LowWater[string]
	a, b, c := low.Begin("a"), low.Begin("b"), low.Begin("c")
	fmt.Println(b.Done())
	fmt.Println(a.Done())
	fmt.Println(c.Done())
	// Output:
	//  false
	// b true
	// c true
}
