package mongosource

import (
	"cmp"
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/stream"
)

// watchRun is one run of a [Watch].
type watchRun struct {
	*watch
	account *stream.Account // nil without a budget
	drained <-chan struct{}
	begun   bool         // a stream without a position was opened
	empty   emptyBatches // in a row

	fitting   int32     // events in a reply of the wanted size; 0 before the first one
	late      int       // replies in a row that came late
	lastEvent time.Time // when it was read; at first the begin of the run
	emitted   time.Time // the last event
}

// events is a batch of a change stream.
type events struct {
	docs     []bson.Raw
	from, to ChangePosition
	cost     int64 // bytes held of the account
	err      error // after docs
}

// each emits the events.
func (w *watch) each(ctx context.Context, emit func(Event) error) error {
	r := &watchRun{
		watch: w, account: w.openAccount(ctx), drained: stream.Draining(ctx), empty: emptyBatches{limit: -1},
		lastEvent: time.Now(),
	}
	defer r.account.Close()
	if drained(ctx) {
		return context.Cause(ctx)
	}
	read := r.readAhead
	if w.opts.NoReadAhead || mongo.SessionFromContext(ctx) != nil { // only one goroutine may use a session
		read = r.readInline
	}
	return finished(read(ctx, func(b events) error {
		defer func() { r.account.Release(b.cost) }()
		return r.emit(ctx, b, emit)
	}))
}

// emit emits the events of a batch, or a heartbeat if there is none. After an invalidation it returns
// ErrInvalidated.
func (r *watchRun) emit(ctx context.Context, b events, emit func(Event) error) error {
	at := b.from
	for _, doc := range b.docs {
		if err := r.ended(ctx); err != nil {
			return err
		}
		event, err := parseEvent(doc)
		if err != nil {
			return r.fail(malformed(doc, 0, err))
		}
		at = at.next(eventToken(doc))
		at.invalidated = event.Operation == OpInvalidate
		event.Position = at
		if err := emit(event); err != nil {
			return err
		}
	}
	switch {
	case b.err != nil:
		return b.err
	case len(b.docs) > 0:
		r.emitted = time.Now()
		return nil
	case r.opts.Heartbeat == 0 || b.to.after == "" || time.Since(r.emitted) < r.opts.Heartbeat:
		return nil
	}
	if err := r.ended(ctx); err != nil {
		return err
	}
	r.emitted = time.Now()
	return emit(Event{Operation: OpHeartbeat, Position: b.to})
}

// batchSize returns the number of events to ask for.
func (r *watchRun) batchSize() int32 {
	switch {
	case r.opts.BatchSize > 0:
		return int32(r.opts.BatchSize)
	case r.fitting > 0:
		return r.fitting
	case r.account != nil:
		return firstBatchBudget
	}
	return firstBatch
}

// ended returns why no more events may be emitted, or nil.
func (r *watchRun) ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if drain.Begun(ctx) {
		return errEnd
	}
	return nil
}

// readInline reads the batches on the caller's goroutine.
func (r *watchRun) readInline(ctx context.Context, emit func(events) error) error {
	reading, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	defer drain.OnBegin(ctx, func() { cut(errEnd) })()
	return r.batches().Each(reading, emit)
}

// readAhead reads the batches on another goroutine, one ahead of emit.
func (r *watchRun) readAhead(ctx context.Context, emit func(events) error) error {
	g, ctx := stream.NewGroup(ctx)
	ahead := make(chan events)
	pass := func(b events) error {
		select {
		case ahead <- b:
			return nil
		case <-ctx.Done():
			r.account.Release(b.cost)
			return context.Cause(ctx)
		}
	}
	g.Go(func() error {
		err := r.batches().Each(ctx, pass)
		_ = pass(events{err: cmp.Or(err, errEnd)})
		return nil
	})
	return g.Do(func() error {
		for {
			select {
			case b := <-ahead:
				if err := emit(b); err != nil {
					return err
				}
			case <-r.drained:
				return errEnd
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	})
}

// batches returns the batches after the position of the options. It opens the stream again after
// each failure that is not final.
func (r *watchRun) batches() stream.Source[events] {
	return stream.Restart(r.from(r.opts.After), func(b events) ChangePosition { return b.to }, r.from,
		&stream.RestartOptions{Backoff: r.opts.Backoff})
}

// from returns the batches after a position.
func (r *watchRun) from(at ChangePosition) stream.Source[events] {
	return stream.SourceFunc[events](func(ctx context.Context, emit func(events) error) error {
		if at.after == "" && r.begun {
			return r.fail(errNoPosition)
		}
		for {
			s, err := r.open(ctx, at)
			if err != nil {
				return err
			}
			r.begun = true
			if err := r.follow(ctx, s, emit); err != nil {
				return err
			}
			at = s.at
		}
	})
}

// follow emits the batches of a stream until it is too far behind.
func (r *watchRun) follow(ctx context.Context, s *changeStream, emit func(events) error) error {
	defer s.close(ctx)
	if s.began {
		// The stream must never begin again at a later position.
		if err := emit(events{from: s.at, to: s.at}); err != nil {
			return err
		}
	}
	for !s.behind() {
		if err := r.account.Acquire(ctx, batchCost); err != nil {
			return err
		}
		if s.behind() { // it may have waited for memory for long
			r.account.Release(batchCost)
			return nil
		}
		asked, from := time.Now(), s.at
		docs, err := s.next(ctx)
		if err != nil {
			r.account.Release(batchCost)
		}
		switch {
		case err == errBehind: //nolint:errorlint // it is never wrapped
			return nil
		case err != nil:
			return err
		}
		cost := int64(batchCost)
		if more := copies*int64(s.bytes) - batchCost; more > 0 && r.account.TryAcquire(more) {
			cost += more
		}
		if err := emit(events{docs: docs, from: from, to: s.at, cost: cost}); err != nil {
			return err
		}
		switch {
		case s.at.invalidated && len(docs) > 0:
			return r.fail(ErrInvalidated)
		case len(docs) > 0:
			r.empty.reset()
			continue
		}
		pause, _ := r.empty.next(time.Since(asked))
		sleep(ctx, pause, r.drained)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}
