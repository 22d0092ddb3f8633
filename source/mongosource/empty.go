package mongosource

import (
	"fmt"
	"time"
)

// A server answers a getMore with an empty batch if it has nothing yet: for a tailable cursor, or
// for a shard that found nothing in its time. If the server replies at once, a client without a
// pause would ask it thousands of times a second.
const (
	defaultEmptyBatches = 100
	firstPause          = time.Millisecond // after the first quick empty batch; it doubles each time
	lastPause           = time.Second
	quickReply          = 100 * time.Millisecond // a slower server has already waited, as with awaitData
)

// emptyBatches counts the quick empty batches in a row.
type emptyBatches struct {
	limit int // a negative number means no limit
	count int
	pause time.Duration
}

// next returns how long to wait after an empty batch that took the duration took, or an error if
// there were too many.
func (e *emptyBatches) next(took time.Duration) (pause time.Duration, err error) {
	if took > quickReply {
		e.reset()
		return 0, nil
	}
	if e.count++; e.limit >= 0 && e.count >= e.limit {
		return 0, fmt.Errorf("%w: %d empty batches one after the other, of a cursor that goes on", ErrBadReply, e.count)
	}
	e.pause = min(max(2*e.pause, firstPause), lastPause)
	return e.pause, nil
}

func (e *emptyBatches) reset() { e.count, e.pause = 0, 0 }
