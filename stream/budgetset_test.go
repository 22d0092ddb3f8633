package stream_test

import (
	"testing"
	"testing/synctest"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// A run waits for a budget that is lowered below its needs with an error, not forever.
func TestBudgetSetBelowAWaitingRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTill(t, 100)
		other := l.run(90, 0)
		l.take("other", other, 90)
		waiting := stream.Go(l.ctx, stream.Via(count(3), needing(stream.Need{Stage: "test", Min: 50})),
			sink.Discard[int]())
		synctest.Wait()
		if n := l.b.Waiting(); n != 1 {
			t.Errorf("%d runs wait", n)
		}
		l.b.Set(49)
		if _, err := waiting.Wait(); err == nil || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("got %v", err)
		}
		other.Close()
		l.used(0)
	})
}

// A run whose data comes only after the budget is lowered below its needs ends with an error.
func TestBudgetSetBelowARunWithoutData(t *testing.T) {
	for name, try := range map[string]func(*testing.T, *stream.Account){
		"Acquire": func(*testing.T, *stream.Account) {},
		"TryAcquire": func(t *testing.T, a *stream.Account) {
			if a.TryAcquire(1) {
				t.Error("Try took bytes")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTill(t, 200)
			ctx, end := l.insideOfARun()
			defer end()
			a := stream.OpenAccount(ctx, stream.Need{Stage: "test", Min: 100})
			defer a.Close()
			l.b.Set(50)
			try(t, a)
			if err := a.Acquire(t.Context(), 1); err == nil || stream.ClassOf(err) != stream.Fatal {
				t.Errorf("got %v", err)
			}
			if used := l.b.Used(); used != 0 {
				t.Errorf("%d bytes are held", used)
			}
		})
	}
}
