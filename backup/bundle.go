package backup

import (
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// readBundle stores the collections of a bundle as the segments of one object, and one receipt.
func (w *unitRun) readBundle(ctx context.Context) error {
	r := &receiptRecord{Done: true}
	var fresh []int
	for _, c := range w.unit.Collections {
		row, same, err := w.unchangedWhole(ctx, c)
		if same && err == nil {
			same, err = w.protect(ctx, row.Object)
		}
		switch {
		case err != nil && w.missing(ctx, r, c, err):
		case err != nil:
			return w.of(c, err)
		case same:
			r.Rows = append(r.Rows, row)
		default:
			fresh = append(fresh, c)
		}
	}
	for len(fresh) > 0 {
		rows, failing, err := w.storeBundle(ctx, fresh)
		if err == nil {
			r.Rows = append(r.Rows, rows...)
			break
		}
		if failing < 0 || !w.missing(ctx, r, failing, err) {
			return err
		}
		fresh = slices.DeleteFunc(fresh, func(c int) bool { return c == failing })
	}
	return w.putReceipt(ctx, r)
}

// of adds the name of a collection to err.
func (w *unitRun) of(c int, err error) error {
	return fmt.Errorf("%s: %w", w.plan.Collections[c].namespace(), err)
}

// missing records in r that collection c is missing, if err means that and the plan allows it. It
// reports whether it did.
func (w *unitRun) missing(ctx context.Context, r *receiptRecord, c int, err error) bool {
	if !isMissing(err) || !w.plan.AllowMissing || ctx.Err() != nil {
		return false
	}
	r.Missing = append(r.Missing, c)
	return true
}

// storeBundle stores collections as one object. If one of them cannot be read, it returns which.
func (w *unitRun) storeBundle(ctx context.Context, collections []int) (rows []receiptRow, failing int, err error) {
	key := dataKey(w.run, w.number, w.segments, w.plan.Encoding, w.repo.plain)
	rows = make([]receiptRow, len(collections))
	failing = -1
	body := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		offset := int64(0)
		for i, c := range collections {
			rows[i] = receiptRow{Of: c, Segment: w.newSegment(key, w.segments+i)}
			s := &rows[i].Segment
			var stopped error
			err := w.encoded(w.whole(c, s), c, s).Each(ctx, func(p []byte) error {
				stopped = emit(p)
				return stopped
			})
			if err != nil {
				if stopped == nil {
					failing = c
				}
				return err
			}
			s.Offset, s.Read = offset, readNow()
			offset += s.Length
		}
		return nil
	})
	if _, err = stream.Run(ctx, body, w.repo.store.Put(key, nil)); err != nil && failing >= 0 {
		err = w.of(failing, err)
	}
	return rows, failing, err
}

// whole returns a source of all documents of a collection. s gets the time of its snapshot.
func (w *unitRun) whole(c int, s *Segment) stream.Source[bson.Raw] {
	entry := &w.plan.Collections[c]
	if !entry.hasOrder() {
		return w.documents(c)
	}
	coll := w.client.Database(entry.Database).Collection(entry.Collection)
	return mongosource.Scan(coll, entry.filter(), w.scanOptions(entry, bson.RawValue{}, bson.RawValue{}, &s.At))
}
