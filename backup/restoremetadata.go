package backup

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// create creates the collection or view with its options, unless it exists with the same options.
func (r *collectionRestore) create(ctx context.Context) error {
	return r.createAs(ctx, r.head.Description)
}

// compareOptions returns an error if the target has other options. A time limit that it does not have
// is set later.
func (r *collectionRestore) compareOptions(ctx context.Context) error {
	found, err := lookUp(ctx, r.coll)
	if err != nil {
		return err
	}
	description := r.head.Description
	if found == nil || found.Options.Lookup(expiry).IsZero() {
		description, _ = withoutExpiry(description)
	}
	return r.createAs(ctx, description)
}

func (r *collectionRestore) createAs(ctx context.Context, description bson.Raw) error {
	if len(description) == 0 {
		return nil
	}
	_, err := stream.Run(ctx, source.Of(description), mongosink.CreateCollections(r.coll.Database(),
		&mongosink.CreateCollectionsOptions{Rename: r.rename}))
	return err
}

// rename returns the new name of a collection in the database of the target.
func (r *collectionRestore) rename(name string) string {
	return r.job.opts.Rename(mongosource.Namespace{Database: r.target.entry.Database, Collection: name}).Collection
}

// createIndexes creates indexes that the target does not have. It notes those that the server refuses.
func (r *collectionRestore) createIndexes(ctx context.Context, indexes []bson.Raw) error {
	_, err := stream.Run(ctx, source.Slice(indexes), mongosink.CreateIndexes(r.coll, nil))
	before := r.data.Failed
	r.data.Failed = nil // an index that was refused before may be there now, or is refused again
	if r.refused(err) {
		return nil
	}
	if err != nil {
		r.data.Failed = before
	}
	return err
}

// indexErrorIn returns the error that lists indexes, or nil.
func indexErrorIn(err error) *mongosink.IndexError {
	var indexes *mongosink.IndexError
	if errors.As(err, &indexes) {
		return indexes
	}
	return nil
}

// expiry is the option that lets documents expire: of an index, and of a clustered collection.
const expiry = "expireAfterSeconds"

// staticIndexes returns the indexes that let no document expire.
func (r *collectionRestore) staticIndexes() (indexes []bson.Raw) {
	for _, index := range r.head.Indexes {
		if index.Lookup(expiry).IsZero() {
			indexes = append(indexes, index)
		}
	}
	return indexes
}

// withoutExpiry returns the description of a collection whose documents do not expire, and whether
// they did.
func withoutExpiry(description bson.Raw) (_ bson.Raw, limited bool) {
	options, ok := description.Lookup("options").DocumentOK()
	if !ok || options.Lookup(expiry).IsZero() {
		return description, false
	}
	replaced := edit(description, "options", func(bson.RawValue) any {
		return edit(options, expiry, func(bson.RawValue) any { return nil })
	})
	return replaced, true
}

// edit returns a document with another value of a field, or without the field if the value is nil.
func edit(doc bson.Raw, field string, value func(bson.RawValue) any) bson.Raw {
	var edited bson.D
	elements, _ := doc.Elements()
	for _, e := range elements {
		if e.Key() != field {
			edited = append(edited, bson.E{Key: e.Key(), Value: e.Value()})
		} else if v := value(e.Value()); v != nil {
			edited = append(edited, bson.E{Key: field, Value: v})
		}
	}
	changed, err := bson.Marshal(edited)
	if err != nil {
		return doc
	}
	return changed
}

// setExpiry sets the time limit of a clustered collection or a time series.
func (r *collectionRestore) setExpiry(ctx context.Context) error {
	limit := r.head.Description.Lookup("options", expiry)
	if limit.IsZero() {
		return nil
	}
	for pause := firstPause; ; pause *= 2 {
		err := runCommand(ctx, r.coll.Database(), bson.D{
			{Key: "collMod", Value: r.coll.Name()}, {Key: expiry, Value: limit},
		})
		switch {
		case isRefusal(err):
			r.data.Failed = append(r.data.Failed, fmt.Sprintf("the time limit of %s: %v", quoted(r.target.to), err))
			return nil
		case err == nil || ctx.Err() != nil || !transient(err) || pause > maxPublishPause: // it can be repeated
			return err
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}
