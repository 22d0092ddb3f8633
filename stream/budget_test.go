package stream_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// needing returns a flow with an account, which it uses for each element.
func needing(need stream.Need) stream.Flow[int, int] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		a := stream.OpenAccount(ctx, need)
		defer a.Close()
		return src.Each(ctx, func(n int) error {
			if err := a.Acquire(ctx, need.Min); err != nil {
				return err
			}
			defer a.Release(need.Min)
			return emit(n)
		})
	})
}

// A run that a budget can never admit ends before its source starts, and names the smallest budget
// that works.
func TestBudgetTooSmall(t *testing.T) {
	small, wide := stream.Need{Stage: "small", Min: 10}, stream.Need{Stage: "wide", Min: 5, Requested: 80}
	large := stream.Need{Stage: "large", Min: 30}
	for name, tt := range map[string]struct {
		flow  stream.Flow[int, int]
		stage string
		least int64
	}{
		"one stage":         {needing(large), "large", 30},
		"the sum":           {stream.Then(needing(small), needing(large)), "large", 40},
		"an explicit limit": {stream.Then(needing(small), needing(wide)), "wide", 90},
		"behind a boundary": {
			stream.Then(stream.Then(needing(small), stream.Async[int](3)), needing(large)), "large",
			40,
		},
		"a side sink": {
			stream.AlsoTo(stream.Into(needing(large), sink.Discard[int]())), "large", 30,
		},
		"AsyncBytes": {stream.AsyncBytes(100, func(int) int { return 1 }), "AsyncBytes", 100},
		"BatchBytes": {
			stream.Then(stream.BatchBytes(100, func(int) int {
				return 1
			}), stream.Map(func(ns []int) int { return len(ns) })),
			"BatchBytes", 100,
		},
		"BatchBytesWithin": {
			stream.Then(stream.BatchBytesWithin(100, time.Hour, func(int) int { return 1 }),
				stream.Map(func(ns []int) int { return len(ns) })),
			"BatchBytesWithin", 100,
		},
	} {
		t.Run(name, func(t *testing.T) {
			emitted := 0
			src := stream.Via(count(5), stream.Map(func(n int) int { emitted++; return n }))
			run := func(bytes int64) error {
				ctx := stream.WithBudget(t.Context(), stream.NewBudget(bytes))
				_, err := stream.Run(ctx, stream.Via(src, tt.flow), sink.Discard[int]())
				return err
			}
			err := run(tt.least - 1)
			want := fmt.Sprintf("%s: the budget of %d bytes is too small; ", tt.stage, tt.least-1)
			if err == nil || !strings.Contains(err.Error(), want) || stream.ClassOf(err) != stream.Fatal ||
				!strings.HasSuffix(err.Error(), fmt.Sprintf(" is %d bytes", tt.least)) {
				t.Errorf("got %v, want %s… %d bytes", err, want, tt.least)
			}
			if err := run(1); err == nil || !strings.HasSuffix(err.Error(), fmt.Sprintf(" is %d bytes", tt.least)) {
				t.Errorf("with one byte: got %v, want … %d bytes", err, tt.least)
			}
			if emitted > 0 && name != "a side sink" {
				t.Errorf("%d elements were emitted", emitted)
			}
			if err := run(tt.least); err != nil {
				t.Error(err)
			}
		})
	}
}

// A stage that ends before the run has bytes no longer counts for the budget that the run needs.
func TestBudgetOfStagesOneAfterTheOther(t *testing.T) {
	ten, wide := stream.Need{Stage: "ten", Min: 10}, stream.Need{Stage: "wide", Min: 20, Requested: 40}
	second := stream.Via(count(5), needing(stream.Need{Stage: "second", Min: 40}))
	run := func(after stream.Source[int]) error {
		src := stream.Concat(stream.Via(count(0), needing(wide)), after)
		ctx := stream.WithBudget(t.Context(), stream.NewBudget(50))
		_, err := stream.Run(ctx, src, stream.Into(needing(ten), sink.Discard[int]()))
		return err
	}
	if err := run(second); err != nil {
		t.Error(err)
	}
	const want = "second: the budget of 50 bytes is too small; the smallest that works for this run is 60 bytes"
	if err := run(stream.Via(second, needing(ten))); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// The sum of needs that no budget has room for does not overflow.
func TestBudgetTooSmallForHugeNeeds(t *testing.T) {
	huge := stream.Need{Stage: "huge", Min: math.MaxInt64}
	for name, flow := range map[string]stream.Flow[int, int]{
		"a minimum":    needing(huge),
		"two minimums": stream.Then(needing(huge), needing(huge)),
		"a maximum": stream.Then(needing(stream.Need{Stage: "small", Min: 10}),
			needing(stream.Need{Stage: "huge", Requested: math.MaxInt64})),
		"a minimum and more": stream.Then(needing(huge), needing(stream.Need{Stage: "small", Min: 10})),
	} {
		t.Run(name, func(t *testing.T) {
			b := stream.NewBudget(100)
			_, err := stream.Run(stream.WithBudget(t.Context(), b), stream.Via(count(5), flow), sink.Discard[int]())
			if err == nil || !strings.Contains(err.Error(), "huge: the budget of 100 bytes is too small") ||
				strings.Contains(err.Error(), "is -") {
				t.Errorf("got %v", err)
			}
			if b.Used() != 0 {
				t.Errorf("%d bytes are held", b.Used())
			}
		})
	}
}

// Runs that feed each other through a hub do not wait for each other's bytes.
func TestBudgetOfRunsConnectedByHubs(t *testing.T) {
	need := stream.Need{Stage: "test", Min: 8}
	synctest.Test(t, func(t *testing.T) {
		b := stream.NewBudget(10)
		ctx := stream.WithBudget(t.Context(), b)
		merged, shared := stream.NewMergeHub[int](), stream.NewBroadcastHub[int](1)
		var consumers []*stream.Running[int64]
		for range 3 {
			consumers = append(consumers, stream.Go(ctx, stream.Via(shared.Source(), needing(need)),
				sink.Discard[int]()))
		}
		synctest.Wait()
		middle := stream.Go(ctx, merged, shared)
		// They hold their bytes while the downstream has an element.
		var producers []*stream.Running[int64]
		for range 3 {
			producers = append(producers, stream.Go(ctx, stream.Via(count(20), needing(need)), merged.Sink()))
		}
		for _, r := range producers {
			if _, err := r.Wait(); err != nil {
				t.Error(err)
			}
		}
		merged.Close()
		for _, r := range append(consumers, middle) {
			if n, err := r.Wait(); n != 60 || err != nil {
				t.Errorf("%d elements, %v", n, err)
			}
		}
		if b.Used() != 0 {
			t.Errorf("%d bytes are held", b.Used())
		}
	})
}

// A run in a loop over another one, and runs joined by a pipe, do not wait for each other.
func TestBudgetOfRunsThatDependOnEachOther(t *testing.T) {
	need := stream.Need{Stage: "test", Min: 8}
	synctest.Test(t, func(t *testing.T) {
		ctx := stream.WithBudget(t.Context(), stream.NewBudget(10))
		for n, err := range stream.All(ctx, stream.Via(count(3), needing(need))) {
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Run(ctx, stream.Via(source.Of(n), needing(need)), sink.Discard[int]()); err != nil {
				t.Error(err)
			}
		}
		ctx = stream.WithReservation(ctx)
		r, w := io.Pipe()
		feeding := stream.Go(ctx, stream.Via2(count(9), needing(need), stream.Map(func(int) []byte {
			return []byte{1}
		})),
			sink.Writer(w))
		go func() {
			_, err := feeding.Wait()
			_ = w.CloseWithError(err)
		}()
		_, err := stream.Run(ctx, stream.Via2(source.Reader(r), stream.Map(func(p []byte) int { return len(p) }),
			needing(need)), sink.ForEach(func(context.Context, int) error { return nil }))
		if err != nil {
			t.Error(err)
		}
	})
}

// A stage that forgets its account gives it back at the end of the run.
func TestBudgetOfAnAccountThatIsNotClosed(t *testing.T) {
	b := stream.NewBudget(10)
	var a *stream.Account
	leak := stream.NewFlow(func(ctx context.Context, src stream.Source[int], emit func(int) error) error {
		a = stream.OpenAccount(ctx, stream.Need{Stage: "leak", Min: 3})
		if err := a.Acquire(ctx, 5); err != nil {
			return err
		}
		return src.Each(ctx, emit)
	})
	if _, err := stream.Run(stream.WithBudget(t.Context(), b), stream.Via(count(2), leak),
		sink.Discard[int]()); err != nil {
		t.Error(err)
	}
	if b.Used() != 0 {
		t.Errorf("%d bytes are held", b.Used())
	}
	a.Release(5)
	a.Close()
	if b.Used() != 0 {
		t.Errorf("%d bytes are held", b.Used())
	}
}

// Many more runs than the budget has room for: all finish, and hold no more than the budget.
func TestBudgetOfManyRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := stream.NewBudget(100)
		ctx := stream.WithBudget(t.Context(), b)
		look := stream.Map(func(n int) int {
			time.Sleep(time.Millisecond)
			if b.Used() > 100 {
				t.Errorf("%d bytes are held", b.Used())
			}
			return n
		})
		flow := stream.Then(needing(stream.Need{Stage: "test", Min: 30}), look)
		var runs []*stream.Running[int64]
		for range 200 {
			runs = append(runs, stream.Go(ctx, stream.Via(count(5), flow), sink.Discard[int]()))
		}
		for _, r := range runs {
			if n, err := r.Wait(); n != 5 || err != nil {
				t.Errorf("%d elements, %v", n, err)
			}
		}
	})
}

// With another budget inside of a run, a stage does not wait while the run holds bytes.
func TestBudgetInsideAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 10)
		l.take("other", l.run(10, 0), 10)
		outer := stream.WithBudget(t.Context(), stream.NewBudget(10))
		_, err := stream.Run(outer, stream.Via2(count(3), needing(stream.Need{Stage: "test", Min: 10}),
			stream.TryMap(func(ctx context.Context, n int) (int64, error) {
				ctx = stream.WithBudget(ctx, l.b)
				return stream.Run(ctx, stream.Via(count(n), needing(stream.Need{Stage: "test", Min: 9})),
					sink.Discard[int]())
			})), sink.Discard[int64]())
		if err != nil {
			t.Error(err)
		}
		l.used(10)
	})
}

// A budget stays with its context.
func ExampleWithBudget() {
	memory := stream.NewBudget(64 << 20) // for all pipelines of the program
	ctx := stream.WithBudget(context.Background(), memory)
	for _, name := range []string{"users", "orders"} {
		docs := stream.Via(source.Of([]byte(name), []byte(name)), stream.AsyncBytes(1<<20, stream.ByteLen[[]byte]))
		n, err := stream.Run(ctx, docs, sink.Discard[[]byte]())
		fmt.Println(name, n, err)
	}
	_, err := stream.Run(ctx, source.Of([]byte("logs")),
		stream.Into(stream.AsyncBytes(1<<30, stream.ByteLen[[]byte]), sink.Discard[[]byte]()))
	fmt.Println(err)
	fmt.Println(memory.Used(), "bytes are held")
	// Output:
	// users 2 <nil>
	// orders 2 <nil>
	// stream: AsyncBytes: the budget of 67108864 bytes is too small; the smallest that works for this run is 1073741824 bytes
	// 0 bytes are held
}

// A stage of your own holds blocks of 1 KiB: one to make progress, and more while the budget has
// them.
func ExampleOpenAccount() {
	const block = 1 << 10
	blocks := stream.NewFlow(func(ctx context.Context, src stream.Source[string], emit func(string) error) error {
		account := stream.OpenAccount(ctx, stream.Need{Stage: "blocks", Min: block})
		defer account.Close()
		var full []string
		flush := func() error {
			for _, s := range full {
				account.Release(block)
				if err := emit(s); err != nil {
					return err
				}
			}
			full = full[:0]
			return nil
		}
		if err := src.Each(ctx, func(s string) error {
			if !account.TryAcquire(block) {
				if err := flush(); err != nil {
					return err
				}
				if err := account.Acquire(ctx, block); err != nil { // the first block, or the minimum
					return err
				}
			}
			full = append(full, s)
			return nil
		}); err != nil {
			return err
		}
		return flush()
	})
	ctx := stream.WithBudget(context.Background(), stream.NewBudget(2*block))
	fmt.Println(stream.Run(ctx, stream.Via(source.Of("a", "b", "c"), blocks), sink.Slice[string]()))
	// Output: [a b c] <nil>
}
