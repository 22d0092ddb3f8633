package backup

import (
	"context"
	"errors"
	"time"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/source/mongosource"
)

// unitRun does one unit: it reads documents, stores them as segments, and stores a receipt after
// each.
type unitRun struct {
	*backupJob
	plan     *plan
	unit     planUnit
	number   int // of the unit
	records  []age.Recipient
	data     []age.Recipient
	receipts int // that are stored
	segments int // that are stored
	counts   Counts

	from  bson.RawValue // where to go on
	until bson.RawValue // the end of the range that is read
	begun bool          // a receipt says until
	pass  string        // of a unit in the server's order
	done  bool
}

// newUnitRun returns a run that goes on after the receipts of a chain.
func (j *backupJob) newUnitRun(ctx context.Context, p *plan, number int, proven chain) (*unitRun, error) {
	w := &unitRun{backupJob: j, plan: p, unit: p.Units[number], number: number, from: p.Units[number].From}
	var err error
	if w.records, err = j.recordRecipients(ctx, p); err != nil {
		return w, err
	}
	if w.data, err = j.dataRecipients(ctx, p); err != nil {
		return w, err
	}
	w.done = proven.done()
	if w.unit.Kind == unitNatural && !w.done {
		proven = nil // no one knows where the server would go on
		w.pass = randomHex(randomLength)
	}
	for i := range proven {
		r := &proven[i].receiptRecord
		w.receipts++
		w.from, w.until, w.begun = r.To, r.Until, true
		for k := range r.Rows {
			w.count(&r.Rows[k])
		}
	}
	return w, nil
}

// count counts a segment.
func (w *unitRun) count(row *receiptRow) Counts {
	s := &row.Segment
	c := Counts{Segments: 1, Documents: s.Documents, Bytes: s.Bytes}
	if s.Run == w.run {
		w.segments++
		c.Stored = s.Length
	} else {
		c.Reused = s.Length
	}
	w.counts.add(c)
	return c
}

// read reads what is not done. If a collection is missing and may be, a receipt says so.
func (w *unitRun) read(ctx context.Context) error {
	switch w.unit.Kind {
	case unitBundle:
		return w.readBundle(ctx)
	case unitNatural:
		return w.allowMissing(ctx, w.readNatural(ctx))
	}
	return w.allowMissing(ctx, w.readRanges(ctx))
}

// allowMissing stores a receipt that ends the unit if err says that its collection is missing.
func (w *unitRun) allowMissing(ctx context.Context, err error) error {
	if err == nil || !isMissing(err) || !w.plan.AllowMissing || ctx.Err() != nil {
		return err
	}
	return w.putReceipt(ctx, &receiptRecord{From: w.from, Pass: w.pass, Done: true, Missing: w.unit.Collections})
}

// putReceipt stores the next receipt. After that, the unit goes on after its segments.
func (w *unitRun) putReceipt(ctx context.Context, r *receiptRecord) error {
	var err error
	if r.Time, err = serverTime(ctx, w.client); err != nil {
		return err
	}
	place := w.repo.receiptPlace(w.run, w.number, w.receipts)
	key := w.repo.receiptKey(w.run, w.number, w.receipts)
	began := time.Now()
	if err := w.repo.putRecord(ctx, key, place, w.records, r); err != nil {
		return err
	}
	w.meters.wrote(began)
	w.receipts++
	w.from, w.done = r.To, r.Done
	for i := range r.Rows {
		kind := SegmentReused
		if r.Rows[i].Run == w.run {
			kind = SegmentStored
		}
		n := w.plan.Collections[r.Rows[i].Of].namespace()
		w.progress.tell(Event{Kind: kind, Phase: Storing, Unit: w.number, Namespace: n},
			did{Counts: w.count(&r.Rows[i]), work: r.Rows[i].Bytes})
	}
	return nil
}

// scanOptions are those of a scan of a range of a collection. readAt gets the time of its snapshot.
func (w *unitRun) scanOptions(c *planCollection, from, to bson.RawValue,
	readAt *bson.Timestamp,
) *mongosource.ScanOptions {
	return &mongosource.ScanOptions{ScanRange: mongosource.ScanRange{
		From: from, To: to, UUID: c.uuid(), Snapshot: w.plan.Snapshots, At: w.plan.At,
		OnSnapshot: func(at bson.Timestamp) { *readAt = at },
	}}
}

// readRanges reads a range unit to its end: the ranges of the parent, or one.
func (w *unitRun) readRanges(ctx context.Context) error {
	c := w.unit.Collections[0]
	if w.plan.Collections[c].InParent < 0 || w.unit.Fresh {
		return w.store(ctx, c, w.unit.To, true)
	}
	return w.readParentRanges(ctx, c)
}

// store reads from where the unit is to a bound, and stores segments. last says that the bound ends
// the unit. If the server forgets the time of the snapshot meanwhile, the rest is read at a later
// one.
func (w *unitRun) store(ctx context.Context, c int, to bson.RawValue, last bool) error {
	w.until = to
	for {
		before := w.receipts
		err := w.storeOnce(ctx, c, to, last)
		if errors.Is(err, mongosource.ErrSnapshotTooOld) && w.receipts > before && w.plan.At == (bson.Timestamp{}) {
			continue
		}
		return err
	}
}

// newSegment returns a segment of this unit, which is read and stored now.
func (w *unitRun) newSegment(key string, number int) Segment {
	return Segment{Object: key, Encoding: w.plan.Encoding, Run: w.run, Unit: w.number, Number: number}
}

// readNow is the time that a row of a catalog states.
func readNow() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
