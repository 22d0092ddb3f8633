package mongosource

import (
	"errors"
	"testing"
	"time"
)

// The pauses grow to a second. The last of a series of quick empty batches is an error. A slow
// batch starts a new series.
func TestEmptyBatches(t *testing.T) {
	e := emptyBatches{limit: defaultEmptyBatches}
	var total time.Duration
	for i := 1; i < defaultEmptyBatches; i++ {
		pause, err := e.next(time.Millisecond)
		if err != nil || pause <= 0 || pause > lastPause {
			t.Fatalf("batch %d: %v, %v", i, pause, err)
		}
		total += pause
	}
	if total < time.Minute || total > 2*time.Minute {
		t.Errorf("all pauses together are %v", total)
	}
	if _, err := e.next(time.Millisecond); !errors.Is(err, ErrBadReply) {
		t.Errorf("the last batch: %v", err)
	}
	e.reset()
	for range 10 * defaultEmptyBatches {
		if pause, err := e.next(time.Second); pause != 0 || err != nil {
			t.Fatalf("a batch that the server waited for: %v, %v", pause, err)
		}
	}
	endless := emptyBatches{limit: -1}
	for range 10 * defaultEmptyBatches {
		if _, err := endless.next(0); err != nil {
			t.Fatal(err)
		}
	}
}
