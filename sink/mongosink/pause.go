package mongosink

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
)

// The pauses between the attempts of a batch begin with firstPause and double up to lastPause, with
// a random part of up to half. A server that is overloaded gets longer ones, and may ask for more
// (https://github.com/mongodb/specifications/tree/master/source/client-backpressure).
const (
	firstPause    = 10 * time.Millisecond
	overloadPause = 100 * time.Millisecond // of an overloaded server
	lastPause     = 10 * time.Second
)

// pauses counts the failed attempts of one batch, or of a look-up.
type pauses struct {
	limit time.Duration // from the first failure to the last repetition
	least int           // repetitions, also without time
	first time.Time     // of the failures; zero before
	n     int
}

// next returns how long to wait before the next attempt after err, or false if the time is spent.
func (p *pauses) next(err error) (time.Duration, bool) {
	if p.limit <= 0 && p.n >= p.least {
		return 0, false
	}
	if p.first.IsZero() {
		p.first = time.Now()
	}
	d := min(baseOf(err)<<min(p.n, 20), lastPause)
	p.n++
	d -= rand.N(d/2 + 1)
	return d, p.n <= p.least || time.Since(p.first)+d <= p.limit
}

// lookAgain calls look until it succeeds, its failure does not pass, or waits are spent. sleep returns
// false if the run has ended.
func lookAgain(
	ctx context.Context, waits *pauses, sleep func(context.Context, time.Duration) bool, look func() error,
) error {
	for {
		err := look()
		if err == nil || ctx.Err() != nil || !mongoerr.Class(err).Transient() {
			return err
		}
		if wait, ok := waits.next(err); !ok || !sleep(ctx, wait) {
			return err
		}
	}
}

// baseOf returns the first pause after err.
func baseOf(err error) time.Duration {
	labelled, ok := errors.AsType[mongo.LabeledError](err)
	if !ok || !labelled.HasErrorLabel("SystemOverloadedError") {
		return firstPause
	}
	if said, ok := errors.AsType[mongo.CommandError](err); ok {
		if ms, ok := said.Raw.Lookup("baseBackoffMS").AsInt64OK(); ok && ms > 0 {
			return time.Duration(min(ms, lastPause.Milliseconds())) * time.Millisecond
		}
	}
	return overloadPause
}
