package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func TestAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := stream.NewBudget(10)
		used := func(want int64) {
			t.Helper()
			synctest.Wait()
			if got := b.Used(); got != want {
				t.Errorf("%d bytes are used, want %d", got, want)
			}
		}
		one, two, three := b.Account(), b.Account(), b.Account()
		var mu sync.Mutex
		var order []string
		take := func(name string, a *stream.Account, n int64) {
			go func() {
				if err := a.Acquire(t.Context(), n); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
			}()
			synctest.Wait()
		}
		was := func(want ...string) { // calls that are served together may be recorded in any order
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(order)
			if !slices.Equal(order, want) {
				t.Errorf("served %v, want %v", order, want)
			}
			order = nil
		}
		take("one", one, 6)
		take("two", two, 4) // the whole budget
		take("three", three, 7)
		was("one", "three", "two") // an account that holds nothing does not wait
		used(17)
		take("one, more", one, 5)
		take("two, more", two, 1)
		was()
		three.Release(7)
		was() // two's byte does not fit either
		two.Release(2)
		was() // it fits now, but one came first
		if two.TryAcquire(1) {
			t.Error("Try went before those who wait")
		}
		if !three.TryAcquire(1) {
			t.Error("Try of an account that holds nothing")
		}
		three.Close()
		one.Release(5)
		was("one, more", "two, more")
		used(1 + 5 + 2 + 1)
		take("one, too large", one, 100)
		one.Release(6)
		was("one, too large") // it holds nothing else now
		used(103)
		take("two, again", two, 8)
		two.Release(3)
		was("two, again")
		used(108)
		take("two, waiting", two, 1)
		one.Close()
		was("two, waiting")
		used(9)
		if !two.TryAcquire(1) || two.TryAcquire(1) {
			t.Error("Try at the edge of the budget")
		}
		take("set", two, 5)
		b.Set(14)
		was()
		b.Set(15)
		was("set")
		if b.Size() != 15 {
			t.Errorf("the size is %d", b.Size())
		}
		if err := three.Acquire(t.Context(), 0); err != nil {
			t.Error(err)
		}
		two.Close()
		used(0)
	})
}

func TestAccountCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := stream.NewBudget(10)
		one, two := b.Account(), b.Account()
		_ = one.Acquire(t.Context(), 9)
		_ = two.Acquire(t.Context(), 1)
		ctx, cancel := context.WithCancelCause(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { first <- one.Acquire(ctx, 5) }()
		synctest.Wait()
		go func() { second <- two.Acquire(t.Context(), 4) }()
		synctest.Wait()
		one.Release(4) // room for two, the second waiting call
		synctest.Wait()
		select {
		case <-second:
			t.Error("the second was served first")
		default:
		}
		cancel(errBoom)
		if err := <-first; err != errBoom {
			t.Errorf("got %v, want the cause", err)
		}
		if err := <-second; err != nil { // a cancelled call does not block it
			t.Error(err)
		}
		if err := one.Acquire(ctx, 0); err != errBoom {
			t.Errorf("got %v, want the cause", err)
		}
		if got := b.Used(); got != 10 {
			t.Errorf("%d bytes are used", got)
		}
	})
}

// A claim may be served after its context is done and before it has left. Its bytes are given back.
func TestAccountCancelledWhileServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := stream.NewBudget(10)
		a := b.Account()
		_ = a.Acquire(t.Context(), 10)
		for range 100 {
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- a.Acquire(ctx, 5) }()
			synctest.Wait()
			cancel(errBoom)
			a.Release(5)
			if err := <-ended; err != errBoom || b.Used() != 5 {
				t.Fatalf("%v, %d bytes are used", err, b.Used())
			}
			if !a.TryAcquire(5) {
				t.Fatal("the budget has no room")
			}
		}
	})
}

func TestAccountMistakesPanic(t *testing.T) {
	for name, f := range map[string]func(*stream.Account){
		"more than it holds": func(a *stream.Account) { a.Release(3) },
		"less than nothing":  func(a *stream.Account) { a.Release(-1) },
		"Try":                func(a *stream.Account) { a.TryAcquire(-1) },
		"Take":               func(a *stream.Account) { _ = a.Acquire(context.Background(), -1) },
	} {
		t.Run(name, func(t *testing.T) {
			b := stream.NewBudget(5)
			a := b.Account()
			a.TryAcquire(2)
			defer func() {
				if recover() == nil || b.Used() != 2 {
					t.Error("no panic, or the account changed")
				}
			}()
			f(a)
		})
	}
}

const slot = 3 * strconv.IntSize / 8 // the size of a slice header

func chunks(n, size int) stream.Source[[]byte] {
	return stream.Via(count(n), stream.Map(func(i int) []byte { return slices.Repeat([]byte{byte(i)}, size) }))
}

func TestAsyncBytesRunsAheadNoFurtherThanSaid(t *testing.T) {
	for _, tt := range []struct {
		budget int64
		ahead  int // elements between, excluding one in the downstream and one that waits to enter
	}{{10 * (100 + slot), 10}, {10*(100+slot) - 1, 9}, {1, 1}, {0, 1}} {
		synctest.Test(t, func(t *testing.T) {
			b := stream.NewBudget(tt.budget)
			sent := 0
			src := stream.Via(chunks(50, 100), stream.Map(func(p []byte) []byte { sent++; return p }))
			taken := 0
			_, err := stream.Run(t.Context(), stream.Via(src, stream.AsyncBytes(b, stream.ByteLen[[]byte])),
				sink.ForEach(func(_ context.Context, p []byte) error {
					time.Sleep(time.Second)
					synctest.Wait()
					if p[0] != byte(taken) {
						t.Errorf("element %d is %d", taken, p[0])
					}
					taken++
					if want := min(50, taken+tt.ahead+1); sent != want {
						t.Errorf("%d were sent when %d were taken, want %d", sent, taken, want)
					}
					if most := max(tt.budget, 100+slot); b.Used() > most {
						t.Errorf("%d bytes are held, more than %d", b.Used(), most)
					}
					return nil
				}))
			if err != nil || taken != 50 || b.Used() != 0 {
				t.Errorf("%v after %d elements, %d bytes are held", err, taken, b.Used())
			}
		})
	}
}

// A run gives back everything that it holds, however it ends.
func TestAsyncBytesGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := stream.NewBudget(1000)
		flow := stream.AsyncBytes(b, stream.ByteLen[[]byte])
		slow := func(f func(i int) error) error {
			i := 0
			return stream.Via(chunks(20, 100), flow).Each(t.Context(), func([]byte) error {
				synctest.Wait()
				i++
				return f(i)
			})
		}
		if err := slow(func(i int) error { return errBoom }); err != errBoom || b.Used() != 0 {
			t.Errorf("%v, %d bytes are held", err, b.Used())
		}
		if _, err := outcomeOf(t, chunks(20, 100), stream.Then(flow, stream.Take[[]byte](2))); err != nil ||
			b.Used() != 0 {
			t.Errorf("%v, %d bytes are held", err, b.Used())
		}
		func() {
			defer func() { _ = recover() }()
			_ = slow(func(i int) error { panic("ouch") })
		}()
		if b.Used() != 0 {
			t.Errorf("%d bytes are held after a panic", b.Used())
		}
	})
}

// Two pipelines of two stages each share a budget that the first one has used up. Both go on.
func TestAsyncBytesOfManyPipelines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := stream.NewBudget(300)
		async := func() stream.Flow[[]byte, []byte] { return stream.AsyncBytes(b, stream.ByteLen[[]byte]) }
		stuck := stream.Go(t.Context(), stream.Via(stream.Concat(chunks(20, 100)), async()),
			sink.ForEach(func(ctx context.Context, _ []byte) error { <-ctx.Done(); return context.Cause(ctx) }))
		synctest.Wait()
		var runs []*stream.Running[int64]
		for range 3 {
			runs = append(runs, stream.Go(t.Context(), stream.Via3(chunks(30, 200),
				async(), unbatch(stream.Batch[[]byte](4)), async()), sink.Discard[[]byte]()))
		}
		for _, r := range runs {
			if n, err := r.Wait(); n != 30 || err != nil {
				t.Errorf("%d elements, %v", n, err)
			}
		}
		stuck.Cancel(errBoom)
		if _, err := stuck.Wait(); err != errBoom || b.Used() != 0 {
			t.Errorf("%v, %d bytes are held", err, b.Used())
		}
	})
}

// budgeted makes random pipelines that share one budget.
type budgeted struct {
	*rand.Rand
	b *stream.Budget
}

// flow returns a flow and the number of copies that it emits of each element.
func (g *budgeted) flow(depth int) (stream.Flow[int, int], int) {
	async := func() stream.Flow[int, int] {
		return stream.AsyncBytes(g.b, func(n int) int { return n % 50 })
	}
	id := func(_ context.Context, n int) (int, error) {
		time.Sleep(time.Duration(n%3) * time.Millisecond)
		return n, nil
	}
	kind := g.IntN(11)
	if depth == 0 {
		kind = g.IntN(6)
	}
	switch kind {
	case 0, 1, 2:
		return async(), 1
	case 3:
		return unbatch(stream.Batch[int](1 + g.IntN(5))), 1
	case 4:
		return stream.MapParallel(1+g.IntN(3), id), 1
	case 5:
		return stream.TryMap(id), 1
	case 6, 7:
		f, n := g.flow(depth - 1)
		h, m := g.flow(depth - 1)
		return stream.Then(f, h), n * m
	case 8:
		f, n := g.flow(depth - 1)
		h, m := g.flow(depth - 1)
		return stream.Broadcast(f, h), n + m
	case 9:
		f, n := g.flow(depth - 1)
		return stream.MergeMap(1+g.IntN(3),
			func(v int) stream.Source[int] { return stream.Via2(source.Of(v, v), async(), f) }), 2 * n
	default: // two branches in lockstep
		f, h := async(), async()
		return stream.FlowFunc[int, int](func(src stream.Source[int]) stream.Source[int] {
			return stream.Via(stream.Zip(stream.Via(src, f), stream.Via(source.Repeat(7), h)),
				stream.Map(func(p stream.Pair[int, int]) int { return p.First }))
		}), 1
	}
}

// Random pipelines share a budget that is too small for them. All end with all elements; synctest
// reports a deadlock.
func TestBudgetNeverDeadlocks(t *testing.T) {
	const pipelines, elements = 3, 20
	for seed := range uint64(400) {
		synctest.Test(t, func(t *testing.T) {
			g := &budgeted{rand.New(rand.NewPCG(seed, 4)), stream.NewBudget(0)}
			g.b.Set(int64(g.IntN(200)))
			type expected struct {
				run  *stream.Running[[]int]
				each int
			}
			var all []expected
			for range pipelines {
				flow, each := g.flow(3)
				src := stream.Via(count(elements), stream.Map(func(n int) int { return n + int(seed) }))
				all = append(all, expected{stream.Go(t.Context(), stream.Via(src, flow), sink.Slice[int]()), each})
			}
			for _, e := range all {
				got, err := e.run.Wait()
				times := map[int]int{}
				for _, n := range got {
					times[n-int(seed)]++
				}
				for n := range elements {
					if times[n] != e.each {
						t.Errorf("seed %d: element %d came %d times, want %d", seed, n, times[n], e.each)
					}
				}
				if err != nil || len(times) != elements {
					t.Errorf("seed %d: %v, %d elements", seed, err, len(times))
				}
			}
			if g.b.Used() != 0 {
				t.Errorf("seed %d: %d bytes are held at the end", seed, g.b.Used())
			}
		})
		if t.Failed() {
			return
		}
	}
}

// Consecutive stages together hold at most the budget and one element each.
func TestBudgetBound(t *testing.T) {
	const stages, size = 5, 80
	for _, budget := range []int64{0, 100, 1000, 5000} {
		synctest.Test(t, func(t *testing.T) {
			b := stream.NewBudget(budget)
			src, most := chunks(200, size), int64(0)
			var mu sync.Mutex
			look := func() {
				mu.Lock()
				defer mu.Unlock()
				most = max(most, b.Used())
			}
			for range stages {
				src = stream.Via2(src, stream.AsyncBytes(b, stream.ByteLen[[]byte]), stream.Map(func(p []byte) []byte {
					look()
					return p
				}))
			}
			_, err := stream.Run(t.Context(), src, sink.ForEach(func(context.Context, []byte) error {
				time.Sleep(time.Millisecond)
				synctest.Wait()
				look()
				return nil
			}))
			if err != nil || most > budget+stages*(size+slot) || most < budget-size-slot {
				t.Errorf("budget %d: at most %d bytes were held, %v", budget, most, err)
			}
		})
	}
}

// An element without bytes weighs one byte, so that the number of elements is bounded.
func TestAsyncBytesWeighsNothingAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		flow := stream.AsyncBytes(stream.NewBudget(3), func(struct{}) int { return -1 })
		sent, taken := 0, 0
		src := stream.Via(count(10), stream.Map(func(int) struct{} { sent++; return struct{}{} }))
		_, err := stream.Run(t.Context(), stream.Via(src, flow), sink.ForEach(func(context.Context, struct{}) error {
			synctest.Wait()
			taken++
			if want := min(10, taken+3+1); sent != want {
				t.Errorf("%d were sent when %d were taken, want %d", sent, taken, want)
			}
			return nil
		}))
		if taken != 10 || err != nil {
			t.Errorf("%d, %v", taken, err)
		}
	})
}

func ExampleBudget() {
	memory := stream.NewBudget(64 << 20) // for all pipelines of the program
	backup := func(docs stream.Source[[]byte]) stream.Source[[]byte] {
		return stream.Via(docs, stream.AsyncBytes(memory, stream.ByteLen[[]byte]))
	}
	for _, name := range []string{"users", "orders"} {
		n, err := stream.Run(context.Background(), backup(source.Of([]byte(name), []byte(name))),
			sink.Discard[[]byte]())
		fmt.Println(name, n, err)
	}
	fmt.Println(memory.Used(), "bytes are held")
	// Output:
	// users 2 <nil>
	// orders 2 <nil>
	// 0 bytes are held
}

func ExampleAsyncBytes() {
	chunks := stream.Via(source.Of([]byte("ab"), []byte("cde")),
		stream.AsyncBytes(stream.NewBudget(1<<20), stream.ByteLen[[]byte]))
	for p, err := range stream.All(context.Background(), chunks) {
		fmt.Printf("%s %v\n", p, err)
	}
	// Output:
	// ab <nil>
	// cde <nil>
}

func ExampleAccount() {
	memory := stream.NewBudget(10)
	parts := memory.Account() // of one upload
	defer parts.Close()

	fmt.Println(parts.TryAcquire(8)) // a part
	fmt.Println(parts.TryAcquire(8)) // another one must wait
	parts.Release(8)                 // the first has been sent
	fmt.Println(parts.Acquire(context.Background(), 8), memory.Used())
	fmt.Println(errors.Is(parts.Acquire(cancelled(), 8), context.Canceled))
	// Output:
	// true
	// false
	// <nil> 8
	// true
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
