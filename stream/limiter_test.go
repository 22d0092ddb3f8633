package stream_test

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/stream"
)

// queue holds calls of Wait that come one after another.
type queue struct {
	*testing.T
	l     *stream.Limiter
	began time.Time
	wait  sync.WaitGroup
	mu    sync.Mutex
	after map[string]time.Duration // when each was served
}

func waitAtLimiter(t *testing.T, l *stream.Limiter) *queue {
	return &queue{T: t, l: l, began: time.Now(), after: map[string]time.Duration{}}
}

// come begins a Wait and returns a function that cancels it.
func (q *queue) come(name string, n int64) (cancel func()) {
	ctx, cancelCause := context.WithCancelCause(q.Context())
	q.wait.Go(func() {
		switch err := q.l.Wait(ctx, n); err {
		case nil:
			q.mu.Lock()
			defer q.mu.Unlock()
			q.after[name] = time.Since(q.began).Round(time.Millisecond)
		case errBoom:
		default:
			q.Errorf("%s: %v", name, err)
		}
	})
	synctest.Wait()
	return func() { cancelCause(errBoom); synctest.Wait() }
}

// served checks when calls were served, in seconds.
func (q *queue) served(want map[string]float64) {
	q.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	for name, d := range q.after {
		if s, ok := want[name]; !ok || d.Seconds() != s {
			q.Errorf("%s was served after %v, want %v s", name, d, s)
		}
	}
	if len(q.after) != len(want) {
		q.Errorf("served: %v, want %v", q.after, want)
	}
}

func TestLimiterServesInOrder(t *testing.T) {
	for name, tt := range map[string]struct {
		burst int64
		do    func(q *queue)
		want  map[string]float64
	}{
		"one after the other": {2, func(q *queue) {
			q.come("a", 2)
			q.come("b", 3)
			q.come("c", 0)
			q.come("d", 1)
		}, map[string]float64{"a": 0, "b": 3, "c": 3, "d": 4}},
		"those behind one who leaves": {1, func(q *queue) {
			leave := q.come("a", 1000)
			q.come("b", 1)
			q.come("c", 2)
			leave()
			q.come("d", 1)
		}, map[string]float64{"b": 0, "c": 2, "d": 3}},
		"those before one who leaves": {1, func(q *queue) {
			q.come("a", 5)
			leave := q.come("b", 1000)
			q.come("c", 1)
			leave()
		}, map[string]float64{"a": 4, "c": 5}},
		"what came for one who leaves is for the next": {1, func(q *queue) {
			leave := q.come("a", 1000)
			q.come("b", 15)
			q.come("c", 1)
			time.Sleep(10 * time.Second)
			leave()
		}, map[string]float64{"b": 14, "c": 15}},
		"but no more at once than a burst": {2, func(q *queue) {
			leave := q.come("a", 1000)
			q.come("b", 1)
			q.come("c", 1)
			q.come("d", 1)
			q.come("e", 1)
			time.Sleep(10 * time.Second)
			leave()
		}, map[string]float64{"b": 10, "c": 10, "d": 11, "e": 12}},
		"one who comes when another has left": {1, func(q *queue) {
			leave := q.come("a", 1000)
			time.Sleep(10 * time.Second)
			leave()
			q.come("b", 1)
			q.come("c", 1)
		}, map[string]float64{"b": 10, "c": 11}},
		"another rate": {1, func(q *queue) {
			q.come("a", 11)
			q.come("b", 10)
			time.Sleep(5 * time.Second)
			q.l.Set(0)
			time.Sleep(100 * time.Second)
			q.l.Set(5)
		}, map[string]float64{"a": 106, "b": 108}},
		"no limit": {1, func(q *queue) {
			q.come("a", 1000)
			q.come("b", 1000)
			time.Sleep(5 * time.Second)
			q.l.Set(math.Inf(1))
			q.come("c", 1000)
			q.l.Set(1)
			q.come("d", 2)
		}, map[string]float64{"a": 5, "b": 5, "c": 5, "d": 6}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := waitAtLimiter(t, stream.NewLimiter(1, tt.burst))
				tt.do(q)
				q.wait.Wait()
				q.served(tt.want)
			})
		})
	}
}

// A rate of 0 stops everything, even if a burst would let it pass.
func TestLimiterOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := waitAtLimiter(t, stream.NewLimiter(0, 5))
		leave := q.come("a", 1)
		q.come("b", 0)
		q.come("c", 5)
		time.Sleep(time.Hour)
		leave()
		time.Sleep(time.Hour)
		q.served(nil)
		q.l.Set(1)
		synctest.Wait()
		q.l.Set(0)
		q.come("d", 1)
		time.Sleep(time.Hour)
		q.l.Set(1)
		q.wait.Wait()
		q.served(map[string]float64{"b": 7200, "c": 7200, "d": 10801})
	})
}

// A wait may be longer than a Duration can hold. A limiter that kept polling would keep the test
// from ending.
func TestLimiterWaitsLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := waitAtLimiter(t, stream.NewLimiter(1, 1))
		leave := q.come("a", math.MaxInt64)
		time.Sleep(100 * 365 * 24 * time.Hour)
		leave()
		q.served(nil)
	})
}

// Calls that arrive or are cancelled do not affect the rate at which the others are served.
func TestLimiterForgetsNobody(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			const burst = 3
			l := stream.NewLimiter(float64(r.IntN(3)), burst)
			began := time.Now()
			var wait sync.WaitGroup
			var mu sync.Mutex
			units, largest := int64(0), int64(0)
			for range 50 {
				ctx, n, patience := t.Context(), int64(r.IntN(6)), time.Duration(r.IntN(20))*time.Second
				time.Sleep(time.Duration(r.IntN(3)) * time.Second)
				wait.Go(func() {
					if patience > 10*time.Second {
						var cancel func()
						ctx, cancel = context.WithTimeout(ctx, patience)
						defer cancel()
					}
					if l.Wait(ctx, n) == nil {
						mu.Lock()
						defer mu.Unlock()
						units, largest = units+n, max(largest, n)
					}
				})
				if r.IntN(10) == 0 {
					l.Set(float64(r.IntN(3)))
				}
			}
			l.Set(2)
			wait.Wait()
			if most := int64(2*time.Since(began).Seconds()) + max(burst, largest); units > most {
				t.Errorf("seed %d: %d units in %v", seed, units, time.Since(began))
			}
		})
		if t.Failed() {
			return
		}
	}
}

// After a pause, at most one burst passes at once, however long the pause was.
func TestLimiterBurstAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := stream.NewLimiter(2, 5)
		start := time.Now()
		take := func(n int) (took time.Duration) {
			before := time.Now()
			for range n {
				if err := l.Wait(t.Context(), 1); err != nil {
					t.Error(err)
				}
			}
			return time.Since(before).Round(time.Millisecond)
		}
		for _, c := range []struct {
			pause time.Duration
			units int
			want  time.Duration
		}{
			{0, 5, 0},
			{0, 1, time.Second / 2},
			{time.Second, 2, 0},
			{0, 1, time.Second / 2}, // a short pause fills a part of the burst
			{time.Hour, 5, 0},
			{0, 2, time.Second},
			{time.Hour, 7, time.Second},
		} {
			time.Sleep(c.pause)
			if took := take(c.units); took != c.want {
				t.Errorf("%v after the start, %d units took %v, want %v", time.Since(start), c.units, took, c.want)
			}
		}
	})
}
