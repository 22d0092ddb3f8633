package backup

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/stream"
)

// ErrDamaged is the error of what a repository has if it is not what was stored there: it was cut,
// changed, swapped, or belongs to something else. Its class is Data.
var ErrDamaged = stream.Mark(errors.New("the repository is damaged"), stream.Data)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// place says where a list of documents belongs: the documents of a segment, or the rows of a
// catalog, a plan or a receipt.
type place struct {
	Repository string `bson:"repository"`
	Run        string `bson:"run"`
	Kind       string `bson:"kind"`   // segment, catalog, plan, receipt or objects
	Unit       int    `bson:"unit"`   // of the run
	Number     int    `bson:"number"` // of the list in the unit
	Database   string `bson:"database,omitempty"`
	Collection string `bson:"collection,omitempty"`
}

// The kinds of places.
const (
	kindSegment = "segment"
	kindCatalog = "catalog"
	kindPlan    = "plan"
	kindReceipt = "receipt"
	kindObjects = "objects"
)

// end is the end record: the last document of each list that is stored. It is encrypted with the
// documents. A list that was cut has none, and one in the wrong place has another one.
type end struct {
	Mark  string `bson:"millweir"` // endMark
	Place place  `bson:"place"`
	Tally `bson:",inline"`
}

const endMark = "end"

// withEnd returns a flow that adds the end record, and reports the tally to report when the upstream
// has completed.
func withEnd(p place, report func(Tally)) stream.Flow[bson.Raw, bson.Raw] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[bson.Raw], emit func(bson.Raw) error) error {
		count := newTally()
		err := src.Each(ctx, func(doc bson.Raw) error {
			count.add(doc)
			return emit(doc)
		})
		if err != nil {
			return err
		}
		all := count.result()
		record, err := bson.Marshal(end{endMark, p, all})
		if err != nil {
			return failed("write the end record", err)
		}
		if err := emit(record); err != nil {
			return err
		}
		report(all)
		return nil
	})
}

// withoutEnd returns the inverse of [withEnd]: a flow that emits the documents without the end
// record. When the upstream has completed, the record must belong to the place and have the tally of
// the documents. Otherwise the error is [ErrDamaged], and the documents that were emitted must not be
// used. It holds one document. begin is newTally or newCount.
func withoutEnd(p place, begin func() *tally, report func(Tally)) stream.Flow[bson.Raw, bson.Raw] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[bson.Raw], emit func(bson.Raw) error) error {
		var held bson.Raw
		count := begin()
		err := src.Each(ctx, func(doc bson.Raw) error {
			last := held
			held = doc
			if last == nil {
				return nil
			}
			count.add(last)
			return emit(last)
		})
		if err != nil {
			return err
		}
		all := count.result()
		if err := checkEnd(held, p, all); err != nil {
			return err
		}
		report(all)
		return nil
	})
}

// checkEnd returns an error unless record is the end record of the place with the tally.
func checkEnd(record bson.Raw, p place, all Tally) error {
	var found end
	switch err := bson.Unmarshal(record, &found); {
	case record == nil:
		return damaged("it is empty")
	case err != nil, found.Mark != endMark:
		return damaged("it ends without an end record: it was cut")
	case found.Place != p:
		return damaged("it belongs to %v, and not to %v", found.Place, p)
	case !all.isOf(found.Tally):
		return damaged("it has %d documents of %d bytes, and should have %d of %d bytes, or they were changed",
			all.Documents, all.Bytes, found.Documents, found.Bytes)
	}
	return nil
}

// String returns the place in words. It has no name of a user's.
func (p place) String() string {
	return fmt.Sprintf("%.20q %d of unit %d of the run %.40q", p.Kind, p.Number, p.Unit, p.Run)
}
