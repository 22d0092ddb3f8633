package mongosource

import (
	"context"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/stream"
)

// Collection describes a collection, as [Collections] emits it.
type Collection struct {
	Name    string // of any characters but NUL
	Kind    Kind
	UUID    [16]byte // zeros if the server gives none, as for a view
	Options bson.Raw // as the server states them: capped, validator, viewOn, timeseries…
	IDIndex bson.Raw // the index on _id; nil if there is none
}

// Raw returns the collection as listCollections describes it. mongosink.CreateCollections creates it
// from that. As canonical Extended JSON, it can be stored next to the documents.
func (c Collection) Raw() bson.Raw {
	kind := c.Kind
	if kind == KindCapped || kind == KindClustered {
		kind = KindPlain
	}
	options, info := c.Options, bson.D{}
	if options == nil {
		options = bson.Raw("\x05\x00\x00\x00\x00")
	}
	if c.UUID != [16]byte{} {
		info = append(info, bson.E{Key: "uuid", Value: bson.Binary{Subtype: bson.TypeBinaryUUID, Data: c.UUID[:]}})
	}
	d := bson.D{
		{Key: "name", Value: c.Name},
		{Key: "type", Value: string(kind)},
		{Key: "options", Value: options},
		{Key: "info", Value: info},
	}
	if c.IDIndex != nil {
		d = append(d, bson.E{Key: "idIndex", Value: c.IDIndex})
	}
	raw, err := bson.Marshal(d)
	if err != nil {
		return nil // the options, or the index, are not what a server sent
	}
	return raw
}

// Kind says what a collection is.
type Kind string

// The kinds of collections.
const (
	KindPlain      Kind = "collection"
	KindCapped     Kind = "capped"    // of a fixed size; it drops its oldest documents
	KindClustered  Kind = "clustered" // stored in the order of _id
	KindView       Kind = "view"      // the result of a pipeline; it stores nothing
	KindTimeSeries Kind = "timeseries"
)

// CollectionsOptions tunes [Collections]. The zero value is ready to use.
type CollectionsOptions struct {
	Filter any  // of the server's descriptions, such as {name: "cookies"}; nil means all
	System bool // also emits collections whose names begin with "system."
}

// Collections returns a source of the collections and views of db, with everything that is needed
// to create them again, except for their indexes (see [Indexes]).
//
//   - Memory, order and goroutines, errors, early end: as [Find]. A database that does not exist is
//     empty. A description without a name or type is an [ErrBadReply].
func Collections(db *mongo.Database, opts *CollectionsOptions) stream.Source[Collection] {
	o := CollectionsOptions{}
	if opts != nil {
		o = *opts
	}
	if o.Filter == nil {
		o.Filter = bson.D{}
	}
	q := &query{name: "collections", of: db}
	if db == nil {
		return stream.Fail[Collection](errNilDatabase)
	}
	q.probe = probeCollections(db)
	q.open = func(ctx context.Context, _ int32) (*mongo.Cursor, error) { return db.ListCollections(ctx, o.Filter) }
	return stream.SourceFunc[Collection](func(ctx context.Context, emit func(Collection) error) error {
		return q.each(ctx, func(doc bson.Raw) error {
			c, err := describe(doc)
			if err != nil {
				return q.fail(err)
			}
			if !o.System && strings.HasPrefix(c.Name, "system.") {
				return nil
			}
			return emit(c)
		})
	})
}

// describe reads an answer of listCollections.
func describe(doc bson.Raw) (c Collection, err error) {
	name, hasName := doc.Lookup("name").StringValueOK()
	kind, hasKind := doc.Lookup("type").StringValueOK()
	if !hasName || !hasKind {
		return c, fmt.Errorf("%w: a collection without a name or type", ErrBadReply)
	}
	c = Collection{Name: name, Kind: Kind(kind)}
	c.Options, _ = doc.Lookup("options").DocumentOK()
	c.IDIndex, _ = doc.Lookup("idIndex").DocumentOK()
	if _, data, ok := doc.Lookup("info", "uuid").BinaryOK(); ok && len(data) == len(c.UUID) {
		copy(c.UUID[:], data)
	}
	if c.Kind != KindPlain {
		return c, nil
	}
	if capped, _ := c.Options.Lookup("capped").BooleanOK(); capped {
		c.Kind = KindCapped
	}
	if _, err := c.Options.LookupErr("clusteredIndex"); err == nil {
		c.Kind = KindClustered
	}
	return c, nil
}

// Indexes returns a source of the indexes of coll, as the server describes them (listIndexes): the
// index on _id first. The order of their keys is kept.
//
//   - Memory, order and goroutines, errors, early end: as [Find]. A collection that does not exist
//     has none.
func Indexes(coll *mongo.Collection) stream.Source[bson.Raw] {
	q := &query{name: "indexes", of: coll}
	if coll == nil {
		return stream.Fail[bson.Raw](q.nilCollection())
	}
	q.probe = probe{db: coll.Database(), command: bson.D{{Key: "listIndexes", Value: coll.Name()}}}
	q.open = func(ctx context.Context, _ int32) (*mongo.Cursor, error) { return coll.Indexes().List(ctx) }
	return stream.SourceFunc[bson.Raw](q.each)
}
