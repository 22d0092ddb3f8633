package mongosink

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/mongowait"
)

// outcome is what the attempts of one command prove together.
type outcome struct {
	last  attempt
	reply reply // if last is answered
	err   error // of the last attempt

	maybe bool // an attempt may have executed statements
	lost  bool // an attempt got no reply, so it may still be executed

	numbered bool // every attempt was a retryable write
}

// send sends b until there is a reply about each statement, the failure does not pass, or the time
// for repetitions is spent.
func (w *worker) send(ctx context.Context, b *batch) outcome {
	number, numbered := w.number(ctx, b)
	o := outcome{numbered: numbered}
	w.waits = pauses{limit: w.retryTimeout}
	for {
		raw, err := w.sendOnce(ctx, b, number, numbered)
		if numbered && refusesNumbers(err) {
			w.server.unnumbered.Store(true)
			numbered, o.numbered = false, false
			if may, _ := w.repeatable(ctx, b, &o, numbered); !o.maybe || may {
				continue
			}
		}
		o.add(b, raw, err)
		if b.odd {
			o.hideAttempts()
		}
		if !o.passes() || !w.waitToRepeat(ctx, b, &o, numbered) {
			return o
		}
		b.resent = b.resent || o.last != unsent && o.last != refused
	}
}

// waitToRepeat waits for the next attempt to send b. It returns false if there must be none or the
// time for repetitions is spent. A server that is away cannot say whether there may be one: it is
// asked again.
func (w *worker) waitToRepeat(ctx context.Context, b *batch, o *outcome, numbered bool) bool {
	for {
		may, doubt := w.repeatable(ctx, b, o, numbered)
		if !may && (doubt == nil || !mongoerr.Class(doubt).Transient()) {
			return false
		}
		wait, ok := w.waits.next(o.err)
		if !ok || !w.sleep(ctx, wait) {
			return false
		}
		if may {
			return true
		}
	}
}

// sendOnce sends b once, or lets the driver send it.
func (w *worker) sendOnce(ctx context.Context, b *batch, number int64, numbered bool) (bson.Raw, error) {
	if b.odd && w.coll != nil {
		ctx, done := mongowait.WithoutDeadline(ctx)
		defer done()
		return w.insertByDriver(ctx, b)
	}
	b.seal(number, numbered)
	return w.execute(ctx, b.body)
}

// number returns a number for b if it has one.
func (w *worker) number(ctx context.Context, b *batch) (int64, bool) {
	if !w.numbers(b) {
		return 0, false
	}
	return w.session.nextNumber(ctx)
}

// numbers reports whether b has a number: the server knows numbers, and the number would not belong to
// a transaction.
func (w *worker) numbers(b *batch) bool {
	return !b.odd && !b.verb.ofMany() && w.server.numbers && !w.server.unnumbered.Load() &&
		w.session.driver != nil && !w.session.inTransaction()
}

// execute sends a command once.
func (w *worker) execute(ctx context.Context, command bson.Raw) (bson.Raw, error) {
	ctx, done := mongowait.WithoutDeadline(w.session.in(ctx))
	defer done()
	return w.command(ctx, command)
}

// add adds what one more attempt proves.
func (o *outcome) add(b *batch, raw bson.Raw, err error) {
	o.last, o.err = attemptOf(raw, err), err
	if o.last == answered {
		var bad error
		if o.reply, bad = parseReply(b, raw, err); bad != nil {
			o.last, o.err = senseless, badReply(bad, err)
		}
	}
	switch o.last {
	case lost:
		o.maybe, o.lost = true, true
	case answered, halfway, senseless:
		o.maybe = true
	}
}

func badReply(bad, err error) error {
	if err == nil {
		return fmt.Errorf("%w: %w", mongoerr.ErrBadReply, bad)
	}
	return fmt.Errorf("%w: %w: %w", mongoerr.ErrBadReply, bad, err)
}

// passes reports whether the same command may have a better outcome later.
func (o *outcome) passes() bool {
	switch o.last {
	case answered:
		return o.reply.transient()
	case lost:
		return true
	case senseless:
		return false
	}
	return mongoerr.Class(o.err).Transient()
}

// repeatable reports whether b may be sent again without a statement being executed twice. doubt is
// why the server did not say so.
func (w *worker) repeatable(ctx context.Context, b *batch, o *outcome, numbered bool) (may bool, doubt error) {
	switch {
	case ctx.Err() != nil, w.session.inTransaction():
		return false, nil
	case numbered, o.last == unsent && !o.maybe, o.last == refused && !o.maybe:
		return true, nil
	case b.idempotent():
		return w.askUniqueIDs(ctx)
	}
	return false, nil
}

// sleep waits for d. It returns false if the run has failed before.
func (w *worker) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-w.stopped:
	}
	return false
}
