package mongosink

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
)

// lagInterval is the time between two measurements of the replication lag.
const lagInterval = time.Second

// brake makes the batches of a run wait while the secondaries are too far behind. The batches share
// it. It never stops them for good: a secondary that is stuck must not block the run for ever.
type brake struct {
	maxLag time.Duration

	mu       sync.Mutex
	meter    lagMeter
	measured time.Time     // when; zero before open
	pause    time.Duration // before each batch
}

// brake returns a brake for one run, or nil if the lag does not matter.
func (w *writing) brake() *brake {
	if w.maxLag == 0 {
		return nil
	}
	return &brake{maxLag: w.maxLag, meter: lagMeter{hello: w.ask, admin: w.askAdmin}}
}

// open returns an error if the lag cannot be measured.
func (b *brake) open(ctx context.Context) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.measured.IsZero() {
		return nil // a batch of the same run did it
	}
	if err := b.meter.open(mongo.NewSessionContext(ctx, nil)); err != nil {
		return mongoerr.Mark(err)
	}
	b.measured = time.Now().Add(-lagInterval)
	return nil
}

// next returns how long to wait before the next batch. A measurement that fails changes nothing.
func (b *brake) next(ctx context.Context) time.Duration {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.measured) >= lagInterval {
		if lag, err := b.meter.read(mongo.NewSessionContext(ctx, nil)); err == nil {
			b.pause = adjusted(b.pause, lag > b.maxLag)
		}
		b.measured = time.Now()
	}
	return b.pause
}

// adjusted returns the pause after a measurement: twice as long if the lag is too large, and half as
// long otherwise.
func adjusted(pause time.Duration, tooFarBehind bool) time.Duration {
	switch {
	case tooFarBehind:
		return min(max(2*pause, firstPause), lastPause)
	case pause <= firstPause:
		return 0
	}
	return pause / 2
}

// shared is what the batches of a run share, even if each is a run of its own.
type shared struct {
	box  *letterbox // nil if refused documents go to no function
	slow *brake     // nil if the replication lag does not matter

	late     *lateWrites // of attempts that no later batch supersedes
	numbered *lateWrites // of retryable writes that a later one of the session supersedes
}

func (w *writing) shared() shared {
	return shared{w.letterbox(), w.brake(), new(lateWrites), new(lateWrites)}
}

// mayOverturn reports whether a late write may overturn one of a second run.
func (s *shared) mayOverturn(onlyInserts bool) bool {
	return (s.late.lost || s.numbered.lost) && !onlyInserts
}
