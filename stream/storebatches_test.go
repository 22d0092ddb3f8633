package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// storage is durable: it keeps what was stored and the last position that was saved, whatever
// happens to the runs that write to it. It allows a number of calls; then every call fails.
type storage struct {
	mu      sync.Mutex
	there   map[int]bool
	next    int // to resume from
	allowed int
	early   []int // positions that were saved before an element up to there was stored
	saved   []int
}

var errCrash = errors.New("crash")

func (s *storage) call() error {
	if s.allowed--; s.allowed < 0 {
		return errCrash
	}
	return nil
}

func (s *storage) store(ctx context.Context, batch []int) error {
	if err := sleepFor(ctx, time.Duration(rand.IntN(20))*time.Millisecond); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.call()
	if err == nil || rand.IntN(2) == 0 { // a reply can be lost
		for _, n := range batch {
			s.there[n] = true
		}
	}
	return err
}

func (s *storage) save(_ context.Context, upTo int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range upTo + 1 {
		if !s.there[n] {
			s.early = append(s.early, upTo)
			break
		}
	}
	if err := s.call(); err != nil {
		return err
	}
	s.saved = append(s.saved, upTo)
	s.next = upTo + 1
	return nil
}

// Runs crash at any call, and the next run resumes at the saved position. No position is saved
// early, and in the end every element is stored.
func TestStoreBatchesCrashes(t *testing.T) {
	const elements = 40
	for round := range 300 {
		synctest.Test(t, func(t *testing.T) {
			s := &storage{there: map[int]bool{}}
			opts := &stream.StoreOptions{
				MaxElements: 1 + rand.IntN(9), MaxDelay: 15 * time.Millisecond, Parallelism: 1 + rand.IntN(4),
			}
			for try, crashed := 0, true; crashed; try++ {
				s.allowed = 2 + rand.IntN(6)
				src := stream.Via3(count(elements), stream.Skip[int](s.next), pause(5*time.Millisecond), positions())
				done, err := stream.Run(t.Context(), src, stream.StoreBatches(s.store, s.save, opts))
				if done.Last.Valid && done.Last.Position != s.next-1 {
					t.Fatalf("round %d: the last position is %v, the saved one %d", round, done.Last, s.next-1)
				}
				if crashed = errors.Is(err, errCrash); err != nil && !crashed || try > 10_000 {
					t.Fatalf("round %d, try %d: %v", round, try, err)
				}
			}
			if len(s.early) > 0 || !slices.IsSorted(s.saved) || s.next != elements {
				t.Errorf("round %d: early %v, saved %v", round, s.early, s.saved)
			}
		})
	}
}

// A drain stores and saves everything that the source emitted, in an incomplete batch too.
func TestStoreBatchesDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		emitted := 0
		s := &storage{there: map[int]bool{}, allowed: 1000}
		src := stream.Via3(counting(), pause(time.Millisecond), stream.Map(func(n int) int { emitted++; return n }),
			positions())
		run := stream.Go(t.Context(), src, stream.StoreBatches(s.store, s.save, &stream.StoreOptions{MaxElements: 7}))
		time.Sleep(100 * time.Millisecond)
		run.Drain()
		done, err := run.Wait()
		if err != nil || done.Elements != int64(emitted) || done.Batches != int64(len(s.saved)) ||
			done.Last.Position != emitted-1 || len(s.early) > 0 {
			t.Errorf("%+v, %v after %d elements; early %v", done, err, emitted, s.early)
		}
	})
}

// After a failed store nothing later is saved, even if it is stored.
func TestStoreBatchesFailedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &storage{there: map[int]bool{}, allowed: 1000}
		store := func(ctx context.Context, batch []int) error {
			if batch[0] == 4 {
				time.Sleep(time.Second) // so that later batches are stored
				return stream.Mark(errBoom, stream.UnknownOutcome)
			}
			return s.store(ctx, batch)
		}
		done, err := stream.Run(t.Context(), stream.Via(count(12), positions()),
			stream.StoreBatches(store, s.save, &stream.StoreOptions{MaxElements: 2, Parallelism: 4}))
		if !errors.Is(err, errBoom) || done.Elements != 4 || done.Last.Position != 3 || !s.there[6] ||
			len(s.early) > 0 {
			t.Errorf("%+v, %v, stored %v, early %v", done, err, s.there, s.early)
		}
	})
}

func TestStoreBatchesRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &storage{there: map[int]bool{}, allowed: 1000}
		var calls atomic.Int32
		store := func(ctx context.Context, batch []int) error {
			if calls.Add(1)%3 != 0 {
				clear(batch) // it belongs to store
				return stream.Mark(errBoom, stream.Retryable)
			}
			return s.store(ctx, batch)
		}
		done, err := stream.Run(t.Context(), stream.Via(count(9), positions()),
			stream.StoreBatches(store, s.save, &stream.StoreOptions{MaxElements: 3, Retry: &stream.Backoff{}}))
		if err != nil || done.Elements != 9 || calls.Load() != 9 || len(s.there) != 9 {
			t.Errorf("%+v, %v after %d calls", done, err, calls.Load())
		}
	})
}

// A stage that changed the order ends the run before the element is stored.
func TestStoreBatchesRefusesDisorder(t *testing.T) {
	s := &storage{there: map[int]bool{}, allowed: 1000}
	marks, err := stream.Run(t.Context(), stream.Via(count(3), positions()), sink.Slice[marked]())
	if err != nil {
		t.Fatal(err)
	}
	done, err := stream.Run(t.Context(), source.Of(marks[0], marks[2], marks[1]),
		stream.StoreBatches(s.store, s.save, &stream.StoreOptions{MaxElements: 1}))
	if stream.ClassOf(err) != stream.Fatal || s.there[1] {
		t.Errorf("%+v, %v, stored %v", done, err, s.there)
	}
}

// A batch without a valid checkpoint is stored, and the next one covers it.
func TestStoreBatchesWithoutCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &storage{there: map[int]bool{}, allowed: 1000}
		src := source.Of(marked{Value: 0}, marked{Value: 1, Context: position{Position: 1, Valid: true}},
			marked{Value: 2})
		done, err := stream.Run(t.Context(), src,
			stream.StoreBatches(s.store, s.save, &stream.StoreOptions{MaxElements: 1}))
		if err != nil || !slices.Equal(s.saved, []int{1}) || done.Elements != 3 || done.Last.Position != 1 {
			t.Errorf("%+v, %v, saved %v", done, err, s.saved)
		}
	})
}

// Events are stored in batches of two, and the offset is saved after each batch.
func ExampleStoreBatches() {
	var archive [][]event // a database in real life
	store := func(_ context.Context, batch []event) error {
		archive = append(archive, batch)
		return nil
	}
	save := func(_ context.Context, offset int) error {
		fmt.Println("all is stored up to", offset)
		return nil
	}
	done, err := stream.Run(context.Background(), stream.Via(source.Slice(feed), offsets()),
		stream.StoreBatches(store, save, &stream.StoreOptions{MaxElements: 2}))
	fmt.Println(archive, done.Elements, err)
	// Output:
	// all is stored up to 2
	// all is stored up to 4
	// all is stored up to 5
	// [[{1 a} {2 b}] [{3 c} {4 d}] [{5 e}]] 5 <nil>
}
