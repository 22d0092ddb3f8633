package backup

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// readNatural reads a collection in the server's order, as a capped one or a time series, and stores
// its segments.
func (w *unitRun) readNatural(ctx context.Context) error {
	c := w.unit.Collections[0]
	return w.storeSegments(ctx, w.documents(c), &cutter{max: w.plan.SegmentBytes},
		func(ctx context.Context, part stream.Source[bson.Raw], cut *cutter) error {
			s, err := w.storeSegment(ctx, c, part)
			if err != nil {
				return err
			}
			return w.putReceipt(ctx, &receiptRecord{Pass: w.pass, Done: !cut.more, Rows: []receiptRow{{c, s}}})
		})
}

// documents returns a source of all documents of a collection that has no order, or of the users or
// roles.
func (w *unitRun) documents(c int) stream.Source[bson.Raw] {
	entry := &w.plan.Collections[c]
	switch entry.Head.Kind {
	case KindUsers:
		return mongosource.Users(w.client, nil)
	case KindRoles:
		return w.roles()
	}
	coll := w.client.Database(entry.Database).Collection(entry.Collection)
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		if err := w.checkSame(ctx, entry); err != nil {
			return err
		}
		if err := mongosource.Find(coll, entry.filter(), nil).Each(ctx, emit); err != nil {
			return err
		}
		return w.checkSame(ctx, entry) // a collection that does not exist is empty
	})
}

// checkSame returns an error if the collection is not the one of the plan. The UUID decides; for a time
// series, that of its buckets. Without one, the description must be the same.
func (w *unitRun) checkSame(ctx context.Context, entry *planCollection) error {
	found, err := w.list(ctx, entry.Database, entry.Collection)
	if err != nil {
		return err
	}
	same := len(found) == 1 && found[0].Kind == entry.Head.Kind && found[0].UUID == entry.uuid()
	switch {
	case !same:
	case entry.Buckets.Data != nil:
		if found, err = w.list(ctx, entry.Database, bucketsPrefix+entry.Collection); err != nil {
			return err
		}
		same = len(found) == 1 && string(found[0].UUID[:]) == string(entry.Buckets.Data)
	case entry.uuid() == [16]byte{}:
		same = string(found[0].Raw()) == string(entry.Head.Description)
	}
	if !same {
		return fmt.Errorf("%s: %w", entry.namespace(), mongosource.ErrCollectionChanged)
	}
	return nil
}

// list returns the collection with a name, if there is one.
func (w *unitRun) list(ctx context.Context, database, collection string) ([]mongosource.Collection, error) {
	list := stream.Retry(func(ctx context.Context, name string) ([]mongosource.Collection, error) {
		return stream.Run(ctx, mongosource.Collections(w.client.Database(database), &mongosource.CollectionsOptions{
			Filter: bson.D{{Key: "name", Value: name}}, System: true,
		}), sink.Slice[mongosource.Collection]())
	}, nil)
	return list(ctx, collection)
}
