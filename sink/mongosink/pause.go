package mongosink

import (
	"errors"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// The pauses between the attempts of a batch begin with firstPause and double up to lastPause, with
// a random part of up to half. A server that is overloaded gets longer ones, and may ask for more
// (https://github.com/mongodb/specifications/tree/master/source/client-backpressure).
const (
	firstPause    = 10 * time.Millisecond
	overloadPause = 100 * time.Millisecond // of an overloaded server
	lastPause     = 10 * time.Second
)

// pauses counts the failed attempts of one batch.
type pauses struct {
	limit time.Duration // from the first failure to the last repetition
	first time.Time
	n     int
}

// next returns how long to wait before the batch is repeated after err, or false if the time is
// spent.
func (p *pauses) next(err error) (time.Duration, bool) {
	if p.limit <= 0 {
		return 0, false
	}
	if p.n == 0 {
		p.first = time.Now()
	}
	d := min(baseOf(err)<<min(p.n, 20), lastPause)
	p.n++
	d -= rand.N(d/2 + 1)
	return d, time.Since(p.first)+d <= p.limit
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
