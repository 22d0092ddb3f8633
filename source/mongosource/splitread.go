package mongosource

import (
	"context"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/stream"
)

// part is what came of one range: a batch, or its end.
type part struct {
	of    int // the range
	docs  []bson.Raw
	end   bool
	at    bson.Timestamp  // the time of its snapshot
	taken chan<- struct{} // gets a value when the documents were taken
}

// read reads the ranges that are not done, several at once, and calls take with their parts on the
// caller's goroutine.
func (r *splitRun) read(ctx context.Context, take func(part) error) error {
	var open []int // the ranges to read
	for i, p := range r.places {
		if !p.done {
			open = append(open, i)
		}
	}
	if r.opts.Parallelism == 1 || len(open) == 1 {
		for _, i := range open {
			if err := r.readRange(ctx, i, 0, take); err != nil {
				return err
			}
		}
		return nil
	}
	lanes := make([]chan part, len(open)) // one for each range in order, or the same for all
	for i := range lanes {
		if i == 0 || r.opts.Order == InOrder {
			lanes[i] = make(chan part)
		} else {
			lanes[i] = lanes[0]
		}
	}
	// The readers do not get the context of the group, which an early end cancels at once: they may
	// wait for the reply with the id of a cursor that must be closed.
	reading, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	stopped := make(chan struct{})
	g, ctx := stream.NewGroup(ctx)
	var next atomic.Int64
	for reader := range min(r.opts.Parallelism, len(open)) {
		g.Go(func() error {
			taken := make(chan struct{}, 1)
			// Ranges begin in order, so that the one whose turn it is always has a reader.
			for n := next.Add(1) - 1; int(n) < len(open); n = next.Add(1) - 1 {
				err := r.readRange(reading, open[n], reader,
					func(p part) error { return p.send(lanes[n], taken, stopped) })
				if isClosed(stopped) {
					return nil
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	var grace *time.Timer
	defer func() { grace.Stop() }()
	return g.Do(func() error {
		defer func() {
			close(stopped)
			grace = time.AfterFunc(stopGrace, func() { cut(errStopped) })
		}()
		return r.receive(ctx, lanes, take)
	})
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// receive takes the parts of all lanes until each range has ended.
func (r *splitRun) receive(ctx context.Context, lanes []chan part, take func(part) error) error {
	for ended := 0; ended < len(lanes); {
		select {
		case p := <-lanes[ended]:
			if err := take(p); err != nil {
				return err
			}
			if p.end {
				ended++
			} else {
				p.taken <- struct{}{}
			}
		case <-r.drained:
			return errEnd
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// send sends p and waits until it was taken, so that the memory of its documents is counted until
// then. The range meanwhile reads one batch ahead. After an early end send returns errStopped: errEnd
// would say that the query is complete, and the range would go on with the next request.
func (p part) send(lane chan<- part, taken chan struct{}, stopped <-chan struct{}) error {
	p.taken = taken
	select {
	case lane <- p:
	case <-stopped:
		return errStopped
	}
	if p.end {
		return nil
	}
	select {
	case <-taken:
		return nil
	case <-stopped:
		return errStopped
	}
}

// readRange calls take with the batches of a range, and with its end when the range is proven.
func (r *splitRun) readRange(ctx context.Context, i, reader int, take func(part) error) error {
	run := r.newRange(i, reader)
	err := run.batches(r.places[i].after).Each(ctx, func(docs []bson.Raw) error {
		if err := r.checkIDs(docs); err != nil {
			return err
		}
		return take(part{of: i, docs: docs, at: run.moment.time()})
	})
	switch {
	case err != nil:
		return err
	case !run.proven:
		return errEnd // drained
	}
	return take(part{of: i, end: true, at: run.moment.time()})
}
