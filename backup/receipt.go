package backup

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// receiptRecord is the content of a receipt: segments of a unit, which are stored.
type receiptRecord struct {
	// From and To bound the _ids that the segments cover. Until is the end of the range that was
	// being read, which the unit reads next. A unit in the server's order has a Pass instead: its
	// receipts belong together.
	From  bson.RawValue `bson:"from,omitempty"`
	To    bson.RawValue `bson:"to,omitempty"`
	Until bson.RawValue `bson:"until,omitempty"`
	Pass  string        `bson:"pass,omitempty"`

	Done    bool           `bson:"done"`              // the unit is complete
	Missing []int          `bson:"missing,omitempty"` // the collections that could not be read
	Time    bson.Timestamp `bson:"time,omitempty"`    // of the server, after the documents were read
	Rows    []receiptRow   `bson:"rows"`
}

// receiptRow is a segment of a collection of the plan.
type receiptRow struct {
	Of      int `bson:"of"`
	Segment `bson:",inline"`
}

// receiptObject is a receipt with its object.
type receiptObject struct {
	key    string
	number int
	stored time.Time // by the store's clock
	receiptRecord
}

func (r *Repository) receiptPlace(run string, unit, number int) place {
	return place{Repository: r.id, Run: run, Kind: kindReceipt, Unit: unit, Number: number}
}

// receiptPrefix is the prefix of the keys of the receipts of a unit.
func receiptPrefix(run string, unit int) string {
	return fmt.Sprintf("%s%s/%d-", jobsPrefix, run, unit)
}

// unitDataPrefix is the prefix of the keys of the objects of a unit.
func unitDataPrefix(run string, unit int) string {
	return fmt.Sprintf("%s%s/%d-", dataPrefix, run, unit)
}

// receipts returns all receipts of a unit. Each has been checked: it can be read, it belongs to the
// unit, and its objects are there. The objects are listed last: each was stored before its receipt, and
// another process can store more at any time.
func (j *backupJob) receipts(ctx context.Context, p *plan, unit int) ([]receiptObject, error) {
	identities, err := j.repo.recordIdentities(ctx, p.Epoch)
	if err != nil {
		return nil, err
	}
	prefix := receiptPrefix(j.run, unit)
	all, err := stream.Run(ctx, stream.Via(j.repo.store.List(prefix), stream.MapParallel(requestsAtOnce,
		func(ctx context.Context, o Object) (receiptObject, error) {
			found := receiptObject{key: o.Key, stored: o.Modified}
			number, _, _ := strings.Cut(strings.TrimPrefix(o.Key, prefix), "-")
			var err error
			if found.number, err = strconv.Atoi(number); err != nil {
				return found, failed(o.Key, damaged("it is not the key of a receipt"))
			}
			place := j.repo.receiptPlace(j.run, unit, found.number)
			return found, j.repo.record(ctx, o.Key, place, identities, &found.receiptRecord)
		})), sink.Slice[receiptObject]())
	if err != nil || len(all) == 0 {
		return nil, err
	}
	sizes, err := j.sizes(ctx, unit)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := all[i].check(p, j.run, unit, sizes); err != nil {
			return nil, failed(all[i].key, damaged("%w", err))
		}
	}
	return all, nil
}

// sizes returns the sizes of the objects of a unit.
func (j *backupJob) sizes(ctx context.Context, unit int) (map[string]int64, error) {
	sizes := map[string]int64{}
	_, err := stream.Run(ctx, j.repo.store.List(unitDataPrefix(j.run, unit)),
		sink.ForEach(func(_ context.Context, o Object) error {
			sizes[o.Key] = o.Size
			return nil
		}))
	return sizes, err
}

// check returns an error if the receipt cannot be one of the unit. sizes has those of the objects
// of the unit.
func (r *receiptRecord) check(p *plan, run string, unit int, sizes map[string]int64) error {
	belongs := map[int]bool{}
	for _, c := range p.Units[unit].Collections {
		belongs[c] = true
	}
	for _, c := range r.Missing {
		if !belongs[c] || !p.AllowMissing {
			return errors.New("a missing collection is not one of the unit")
		}
	}
	for i := range r.Rows {
		s := &r.Rows[i].Segment
		if err := s.check(); err != nil {
			return err
		}
		if !belongs[r.Rows[i].Of] {
			return errors.New("a segment is not of a collection of the unit")
		}
		if s.Run != run {
			continue // of an earlier backup, which is not deleted while a backup names it
		}
		switch size, found := sizes[s.Object]; {
		case s.Unit != unit:
			return errors.New("a segment is not of the unit")
		case !found:
			return fmt.Errorf("its object %s is gone", s.Object)
		case size < s.Offset+s.Length:
			return fmt.Errorf("its object %s was cut", s.Object)
		}
	}
	return nil
}
