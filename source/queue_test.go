package source_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/internal/apart"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Offer blocks and TryOffer returns false while the queue is full, at sizes around the edges.
func TestQueueIsBounded(t *testing.T) {
	for _, size := range []int{0, 1, 2, 7} {
		synctest.Test(t, func(t *testing.T) {
			q := source.NewQueue[int](size)
			for i := range size {
				if ok, err := q.TryOffer(i); !ok || err != nil {
					t.Fatal(i, ok, err)
				}
			}
			if ok, err := q.TryOffer(-1); ok || err != nil {
				t.Fatal("it took more than it holds:", ok, err)
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errTest)
			defer cancel()
			began := time.Now()
			if err := q.Offer(ctx, -1); err != errTest || time.Since(began) != time.Minute {
				t.Fatal(err, time.Since(began))
			}
			if err := q.Offer(ctx, -1); err != errTest {
				t.Fatal("with a context that is done:", err)
			}
			go func() {
				if err := q.Offer(t.Context(), size); err != nil {
					t.Error(err)
				}
				q.Complete()
				q.Complete()
				q.Fail(errTest) // too late
			}()
			same(t, q, upTo(size+1)...)
			if _, err := collect(t, q); err != source.ErrUsed {
				t.Error(err)
			}
		})
	}
}

// After the end, offers return the reason.
func TestQueueOffersAfterTheEnd(t *testing.T) {
	for name, f := range map[string]struct {
		end  func(*source.Queue[int])
		run  func(context.CancelCauseFunc, int) error // with emit as its function
		sink stream.Sink[int, int64]
		want error // of the run
		then error // of an offer
	}{
		"Complete":  {end: func(q *source.Queue[int]) { q.Complete() }, then: source.ErrClosed},
		"Fail":      {end: func(q *source.Queue[int]) { q.Fail(errTest) }, want: errTest, then: source.ErrClosed},
		"Fail(nil)": {end: func(q *source.Queue[int]) { q.Fail(nil) }, then: source.ErrClosed},
		"emit":      {run: func(context.CancelCauseFunc, int) error { return errTest }, want: errTest, then: errTest},
		"cancelled": {run: func(cancel context.CancelCauseFunc, _ int) error {
			cancel(errTest)
			return nil
		}, want: errTest, then: errTest},
		"panic": {run: func(context.CancelCauseFunc, int) error {
			panic(errTest)
		}, want: errTest, then: source.ErrClosed},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := source.NewQueue[int](2)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if err := q.Offer(ctx, 1); err != nil {
				t.Fatal(err)
			}
			if f.end != nil {
				f.end(q)
			}
			if f.run == nil {
				f.run = func(context.CancelCauseFunc, int) error { return nil }
			}
			seen := 0
			err := apart.Run(func() error { return q.Each(ctx, func(n int) error { seen++; return f.run(cancel, n) }) })
			if err != f.want || seen != 1 {
				t.Errorf("%s: the run: %v, %d elements", name, err, seen)
			}
			if err := q.Offer(t.Context(), 2); err != f.then {
				t.Errorf("%s: Offer: %v", name, err)
			}
			if ok, err := q.TryOffer(2); ok || err != f.then {
				t.Errorf("%s: TryOffer: %v, %v", name, ok, err)
			}
		})
	}
	q := source.NewQueue[int](1)
	_, _ = q.TryOffer(1)
	if _, err := stream.Run(t.Context(), q, sink.First[int]()); err != nil {
		t.Fatal(err)
	}
	if err := q.Offer(t.Context(), 2); err != source.ErrClosed {
		t.Errorf("after an early end: %v", err)
	}
}

// A blocked offer returns when the queue ends, whichever side ended it.
func TestQueueEndsWaitingOffers(t *testing.T) {
	for name, end := range map[string]func(*source.Queue[int]) error{
		"Complete": func(q *source.Queue[int]) error { q.Complete(); return source.ErrClosed },
		"Fail":     func(q *source.Queue[int]) error { q.Fail(errTest); return source.ErrClosed },
		"run": func(q *source.Queue[int]) error {
			_ = q.Each(context.Background(), func(int) error { time.Sleep(time.Second); return errTest })
			return errTest
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := source.NewQueue[int](1)
			_, _ = q.TryOffer(0)
			errs := make(chan error, 3)
			for range cap(errs) {
				go func() { errs <- q.Offer(t.Context(), 1) }()
			}
			synctest.Wait()
			want := end(q)
			told := 0
			for range cap(errs) {
				switch err := <-errs; err {
				case want:
					told++
				case nil: // it took the place that the run freed
				default:
					t.Errorf("%s: %v", name, err)
				}
			}
			if min := map[string]int{"Complete": 3, "Fail": 3, "run": 2}[name]; told < min {
				t.Errorf("%s: %d offers were told", name, told)
			}
		})
	}
}

// Every accepted element is emitted once, in the order of its goroutine, whenever Complete is
// called.
func TestQueueLosesNothing(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		q := source.NewQueue[[2]int](rnd.IntN(4))
		var taken atomic.Int64
		var wg sync.WaitGroup
		for who := range 3 {
			wg.Go(func() {
				for i := 0; ; i++ {
					if err := q.Offer(context.Background(), [2]int{who, i}); err != nil {
						return
					}
					taken.Add(1)
				}
			})
		}
		stop, got := rnd.IntN(50), int64(0)
		var next [3]int
		err := q.Each(t.Context(), func(v [2]int) error {
			if v[1] != next[v[0]] {
				t.Errorf("seed %d: goroutine %d: %d, expected %d", seed, v[0], v[1], next[v[0]])
			}
			next[v[0]]++
			if got++; got == int64(stop) {
				if seed%2 == 0 {
					q.Complete() // on the run's goroutine
				} else {
					wg.Go(q.Complete)
				}
			}
			if stop == 0 {
				q.Complete()
			}
			return nil
		})
		wg.Wait()
		if err != nil || got != taken.Load() {
			t.Fatalf("seed %d: %v, %d taken, %d emitted", seed, err, taken.Load(), got)
		}
	}
}

// The writer of a pipe is an io.WriteCloser whose writes come out unchanged, each in its own
// chunks.
func TestPipe(t *testing.T) {
	src, w := source.Pipe()
	var _ io.WriteCloser = w
	big := make([]byte, 64<<10+1)
	go func() {
		p := []byte("ab")
		for range 2 {
			if n, err := w.Write(p); n != 2 || err != nil {
				t.Error(n, err)
			}
			p[0], p[1] = 'X', 'X' // the pipe must have copied it
		}
		if n, err := w.Write(nil); n != 0 || err != nil {
			t.Error(n, err)
		}
		if n, err := w.Write(big); n != len(big) || err != nil {
			t.Error(n, err)
		}
		if err := errors.Join(w.Close(), w.Close(), w.CloseWithError(errTest)); err != nil {
			t.Error(err)
		}
		if n, err := w.Write(big); n != 0 || err != io.ErrClosedPipe {
			t.Error("after Close:", n, err)
		}
	}()
	got, err := collect(t, src)
	if err != nil || len(got) != 4 || string(got[0])+string(got[1]) != "abXX" || len(got[2]) != 64<<10 ||
		len(got[3]) != 1 {
		t.Error(err, len(got))
	}
	if _, err := collect(t, src); err != source.ErrUsed {
		t.Error(err)
	}
}

func TestPipeEnds(t *testing.T) {
	src, w := source.Pipe()
	go func() {
		fmt.Fprint(w, "some")
		_ = w.CloseWithError(errTest)
	}()
	if got, err := collect(t, src); err != errTest || len(got) != 1 {
		t.Error("CloseWithError:", got, err)
	}
	for want, emit := range map[error]func() error{
		errTest:          func() error { return errTest },
		io.ErrClosedPipe: nil, // an early end
	} {
		src, w := source.Pipe()
		told := make(chan error)
		go func() {
			b := bufio.NewWriter(w)
			for {
				if _, err := b.WriteString("more and more"); err != nil {
					told <- err
					return
				}
			}
		}()
		if emit == nil {
			if _, err := stream.Run(t.Context(), src, sink.First[[]byte]()); err != nil {
				t.Error(err)
			}
		} else if err := src.Each(t.Context(), func([]byte) error { return emit() }); err != want {
			t.Error(err)
		}
		if err := <-told; err != want {
			t.Errorf("the writer was told %v, expected %v", err, want)
		}
	}
}

// Writes of several goroutines do not interleave, even if they are larger than a chunk.
func TestPipeWritesDoNotMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, w := source.Pipe()
		const size = 150 << 10
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if _, err := w.Write(slices.Repeat([]byte{byte(i)}, size)); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // all of them are in Write
		go func() { wg.Wait(); w.Close() }()
		chunks, err := collect(t, src)
		all := slices.Concat(chunks...)
		if err != nil || len(all) != 4*size {
			t.Fatal(err, len(all))
		}
		for part := range slices.Chunk(all, size) {
			if len(slices.Compact(part)) != 1 {
				t.Error("two writes are mixed")
			}
		}
	})
}
