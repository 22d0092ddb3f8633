package mongosource

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/drain"
	"github.com/millweir/millweir/stream"
)

// splitRun is one run of a [Split].
type splitRun struct {
	*split
	uuid     [16]byte
	plan     splitPlan
	moment   *moment           // of all ranges; nil for none, or if each range has its own
	accounts []*stream.Account // of the readers; nil without a budget
	drained  <-chan struct{}

	places []rangePosition // of the ranges: what was emitted
	counts []int64         // of the documents emitted
	held   heldDocument
}

// heldDocument is the last document that came. It is emitted when the next one comes, or when the
// collection is proven.
type heldDocument struct {
	doc       bson.Raw // nil for none
	of        int      // its range
	endsBatch bool
}

var errSplitSession = errors.New(
	"a session of the context serves one range at a time, and has its own consistency")

// each emits the documents of all ranges that are not done. endsBatch says that a document is the
// last of its batch.
func (s *split) each(ctx context.Context, emit func(r *splitRun, doc bson.Raw, endsBatch bool) error) error {
	inSession := mongo.SessionFromContext(ctx) != nil
	if inSession && (s.opts.Parallelism > 1 || s.opts.Consistency != Fuzzy) {
		return stream.Mark(s.fail(errSplitSession), stream.Fatal)
	}
	r := &splitRun{split: s, drained: stream.Draining(ctx)}
	// Each reader has its own account: one that waits for its turn must not take the bytes of the
	// one that it waits for.
	for range s.opts.Parallelism {
		account := stream.OpenAccount(ctx, stream.Need{Stage: "mongosource.Split", Min: batchCost})
		defer account.Close()
		r.accounts = append(r.accounts, account)
	}
	if r.isDrained() {
		return context.Cause(ctx)
	}
	if err := r.prepareUndrained(ctx); err != nil {
		return finished(err)
	}
	err := r.read(ctx, func(p part) error { return r.take(ctx, p, emit) })
	if err != nil {
		return finished(err)
	}
	if r.held.doc != nil {
		if err := r.emitHeld(emit); err != nil {
			return err
		}
	}
	r.report()
	return nil
}

// prepareUndrained calls prepare again after each failure that passes. A drain cuts it short, with
// errEnd.
func (r *splitRun) prepareUndrained(ctx context.Context) error {
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	defer drain.OnBegin(ctx, func() { cut(errEnd) })()
	prepare := stream.Retry(func(ctx context.Context, _ struct{}) (struct{}, error) {
		return struct{}{}, r.prepare(ctx)
	}, &r.opts.Backoff)
	_, err := prepare(ctx, struct{}{})
	return err
}

// prepare identifies the collection, and finds out which ranges to read, and at which time.
func (r *splitRun) prepare(ctx context.Context) error {
	after := r.opts.After
	one := &scanRun{scan: r.scan, uuid: after.uuid, known: len(after.ranges) > 0}
	if err := one.compare(ctx); err != nil {
		return err
	}
	r.uuid = one.uuid
	if err := r.chooseTime(ctx); err != nil {
		return err
	}
	if len(after.ranges) > 0 {
		r.places = slices.Clone(after.ranges)
	} else {
		plan, err := r.split.plan(ctx)
		if err != nil {
			return err
		}
		r.plan = plan
		r.places = make([]rangePosition, len(plan.bounds)+1)
		for i, b := range plan.bounds {
			r.places[i].span.high, r.places[i+1].span.low = b, b
		}
	}
	for i := range r.places {
		if r.moment != nil {
			r.places[i].at = r.moment.at
		}
	}
	r.counts = make([]int64, len(r.places))
	return nil
}

// errMixedTimes says that a stored position was read at other times than the options ask for.
var errMixedTimes = stream.Mark(errors.New("the position was read with another consistency"), stream.Fatal)

// chooseTime finds out whether the server reads snapshots, and at which time all ranges are read.
func (r *splitRun) chooseTime(ctx context.Context) error {
	timed, err := r.storedTime()
	if err != nil || r.opts.Consistency == Fuzzy {
		return err
	}
	m := &moment{at: timed}
	if m.at == (bson.Timestamp{}) {
		m.at = r.opts.At
	}
	if m.at != (bson.Timestamp{}) {
		err = r.readsThePast(ctx, m.at)
	}
	if err == nil {
		err = m.check(ctx, r.split)
	}
	switch {
	case errors.Is(err, ErrNoSnapshot) && r.opts.AllowFuzzy && timed == bson.Timestamp{}:
		r.fuzzy()
		return nil
	case err != nil:
		return err
	}
	if r.opts.Consistency == Instant {
		r.moment = m
	}
	return nil
}

// storedTime returns the time of the stored position, or the last one if its ranges have several. It
// returns an error if the position does not fit the options.
func (r *splitRun) storedTime() (last bson.Timestamp, err error) {
	fuzzy, different := false, false
	for _, p := range r.opts.After.ranges {
		switch {
		case p.at == bson.Timestamp{}:
			fuzzy = fuzzy || p.after != "" || p.done
			continue
		case last != bson.Timestamp{} && p.at != last:
			different = true
		}
		last = p.at
	}
	timed := last != bson.Timestamp{}
	switch want := r.opts.Consistency; {
	case timed && want == Fuzzy, timed && fuzzy, fuzzy && want != Fuzzy && !r.opts.AllowFuzzy,
		different && want == Instant, timed && want == Instant && r.opts.At != bson.Timestamp{} && r.opts.At != last:
		return last, r.fail(errMixedTimes)
	case fuzzy:
		r.fuzzy()
	}
	return last, nil
}

// fuzzy makes the run read without snapshots.
func (r *splitRun) fuzzy() {
	s := *r.split
	s.opts.Consistency = Fuzzy
	r.split = &s
}

// take emits the documents of a part, except for the last one, which it holds back.
func (r *splitRun) take(ctx context.Context, p part, emit func(*splitRun, bson.Raw, bool) error) error {
	place := &r.places[p.of]
	if p.at != (bson.Timestamp{}) {
		place.at = p.at
	}
	place.done = place.done || p.end
	for i, doc := range p.docs {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case r.isDrained():
			return errEnd
		}
		if r.held.doc != nil {
			if err := r.emitHeld(emit); err != nil {
				return err
			}
		}
		endsBatch := i == len(p.docs)-1
		if endsBatch && r.inPlace() {
			doc = detachLast(p.docs)
		}
		r.held = heldDocument{doc, p.of, endsBatch}
	}
	return nil
}

// emitHeld emits the document that is held back.
func (r *splitRun) emitHeld(emit func(*splitRun, bson.Raw, bool) error) error {
	h := r.held
	if h.endsBatch {
		r.places[h.of].after = idOf(h.doc)
	}
	r.counts[h.of]++
	r.held.doc = nil
	return emit(r, h.doc, h.endsBatch)
}

// position returns the place of the whole, after the document that is being emitted.
func (r *splitRun) position() SplitPosition {
	return SplitPosition{uuid: r.uuid, ranges: slices.Clone(r.places)}
}

func (r *splitRun) report() {
	if r.opts.Report == nil {
		return
	}
	report := SplitReport{Consistency: r.opts.Consistency, Method: r.plan.method, Cost: r.plan.cost}
	for i, p := range r.places {
		report.Ranges = append(report.Ranges, SplitRange{
			Low: storedID(p.span.low), High: storedID(p.span.high), Documents: r.counts[i], At: p.at,
		})
	}
	r.opts.Report(report)
}

// isDrained reports whether the run is drained.
func (r *splitRun) isDrained() bool { return isClosed(r.drained) }

// newRange returns the run of one range for one of the readers.
func (r *splitRun) newRange(i, reader int) *scanRun {
	p := r.places[i]
	run := &scanRun{
		scan: r.scan, uuid: r.uuid, known: true, keep: true, drained: r.drained, account: r.accounts[reader],
		span: p.span,
	}
	switch r.opts.Consistency {
	case Instant:
		run.moment = r.moment
	case PerRange:
		run.moment = &moment{at: p.at}
	}
	run.verify = func(ctx context.Context) error { return run.moment.check(ctx, r.split) }
	return run
}

// checkIDs returns an error if a document has no _id.
func (r *splitRun) checkIDs(docs []bson.Raw) error {
	if slices.ContainsFunc(docs, func(d bson.Raw) bool { return !hasID(d) }) {
		return r.fail(errNoID)
	}
	return nil
}
