package backup_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// numbered returns an event with a number.
func numbered(n int) backup.Event { return backup.Event{Units: n} }

// A receiver that is slow, or never returns, does not hold the job back. It gets fewer events, in
// their order, and the last one.
func TestEventsOfASlowReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := backup.NewEvents()
		var got []int
		var receivers sync.WaitGroup
		receivers.Go(func() {
			_, err := stream.Run(t.Context(), events, sink.ForEach(func(_ context.Context, e backup.Event) error {
				got = append(got, e.Units)
				time.Sleep(time.Hour)
				return nil
			}))
			if err != nil {
				t.Error(err)
			}
		})
		stuck, release := context.WithCancel(t.Context())
		receivers.Go(func() {
			_, _ = stream.Run(stuck, events, sink.ForEach(func(ctx context.Context, _ backup.Event) error {
				<-ctx.Done()
				return context.Cause(ctx)
			}))
		})
		began := time.Now()
		const all = 1000
		for n := range all {
			events.Report(numbered(n + 1))
			time.Sleep(time.Minute)
		}
		if took := time.Since(began); took != all*time.Minute {
			t.Errorf("the job took %v", took)
		}
		events.Close()
		events.Close()
		events.Report(numbered(all + 1)) // a unit that ends late
		release()
		receivers.Wait()
		if len(got) > all/60+2 || got[len(got)-1] != all {
			t.Errorf("%d events: %v", len(got), got)
		}
		for i := range got[1:] {
			if got[i+1] <= got[i] {
				t.Errorf("%v", got)
			}
		}
		late, err := stream.Run(t.Context(), events, sink.Slice[backup.Event]())
		if err != nil || len(late) != 1 || late[0].Units != all {
			t.Errorf("a receiver after the end: %v, %v", late, err)
		}
	})
}

// Events is a source: it keeps the contract of package stream.
func TestEventsIsASource(t *testing.T) {
	streamtest.TestSource(t, streamtest.Source[backup.Event]{
		New: func(n int) stream.Source[backup.Event] {
			events := backup.NewEvents()
			if n == 0 {
				events.Close()
				return events
			}
			return stream.SourceFunc[backup.Event](func(ctx context.Context, emit func(backup.Event) error) error {
				own := backup.NewEvents()
				own.Report(numbered(1))
				return own.Each(ctx, func(e backup.Event) error {
					if err := emit(e); err != nil {
						return err
					}
					if e.Units == n {
						own.Close()
						return nil
					}
					own.Report(numbered(e.Units + 1))
					return nil
				})
			})
		},
		Want: func(t *testing.T, n int, out []backup.Event) {
			if len(out) != n || n > 0 && out[n-1].Units != n {
				t.Errorf("%d: %v", n, out)
			}
		},
		Stalled: func() stream.Source[backup.Event] { return backup.NewEvents() },
	})
}

// A receiver ends when it is drained, although the events come faster than it takes them.
func TestEventsDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := backup.NewEvents()
		events.Report(numbered(1))
		n := 0
		run := stream.Go(t.Context(), events, sink.ForEach(func(_ context.Context, e backup.Event) error {
			n++
			if n > 10 {
				return errors.New("it is not drained")
			}
			events.Report(numbered(e.Units + 1)) // while the receiver has one
			time.Sleep(time.Second)
			return nil
		}))
		time.Sleep(3*time.Second + time.Millisecond)
		run.Drain()
		if _, err := run.Wait(); err != nil || n != 4 {
			t.Errorf("%d events, %v", n, err)
		}
	})
}
