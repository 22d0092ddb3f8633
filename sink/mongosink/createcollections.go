package mongosink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// CreateCollectionsOptions tunes [CreateCollections]. The zero value is ready to use.
type CreateCollectionsOptions struct {
	// Rename returns the new name of a collection, and of the collection that a view is on. It does
	// not see names inside the pipeline of a view. nil keeps all names.
	Rename func(name string) string

	// SettleTimeout is how long the sink looks for the effect of a command whose reply was lost, and
	// repeats the command. 0 means 30 seconds.
	SettleTimeout time.Duration
}

// CreateCollectionsResult counts collections and views.
type CreateCollectionsResult struct {
	Created  int64
	Existing int64 // were there before, with the same options
}

// ErrBadDescription says that a description of a collection or an index lacks its name, its kind or
// its key. Its class is Data.
var ErrBadDescription = stream.Mark(errors.New("not a description"), stream.Data)

// CreateCollections returns a sink that creates collections and views in db with all their options.
// Create collections before their documents are inserted, and indexes after that.
//
//   - In: descriptions as listCollections gives them, such as {name: "cookies", type: "collection",
//     options: {…}}: see Raw of mongosource.Collection. Old options that servers no longer know
//     (autoIndexId, flags, temp) are dropped. A collection gets a new UUID.
//   - Result: the counts of [CreateCollectionsResult], also with an error.
//   - Memory: the descriptions of views, which are created last, in the order of the input.
//   - Existing collections: one with the same options is left alone, so a run can be repeated. One
//     with other options ends the run with a [*CollectionConflictError].
//   - Errors: [ErrBadDescription]; the server's refusal; [ErrOutcomeUnknown] if a reply was lost
//     and no repetition was answered within SettleTimeout. Created collections stay.
func CreateCollections(
	db *mongo.Database, opts *CreateCollectionsOptions,
) stream.Sink[bson.Raw, CreateCollectionsResult] {
	o := CreateCollectionsOptions{}
	if opts != nil {
		o = *opts
	}
	o.SettleTimeout = cmp.Or(o.SettleTimeout, defaultSettle)
	type descriptions = stream.Source[bson.Raw]
	return stream.SinkFunc[bson.Raw, CreateCollectionsResult](
		func(ctx context.Context, src descriptions) (CreateCollectionsResult, error) {
			switch {
			case db == nil:
				return CreateCollectionsResult{}, errNilDatabase
			case o.SettleTimeout < 0:
				return CreateCollectionsResult{}, stream.Mark(fmt.Errorf("mongosink: create collections: "+
					"SettleTimeout is %v; it must not be negative", o.SettleTimeout), stream.Fatal)
			}
			c := &collectionCreation{db: db, opts: o}
			err := c.consume(ctx, src)
			return c.result, err
		})
}

var errNilDatabase = stream.Mark(errors.New("mongosink: the database is nil"), stream.Fatal)

// collectionCreation is one run of [CreateCollections].
type collectionCreation struct {
	db     *mongo.Database
	opts   CreateCollectionsOptions
	result CreateCollectionsResult
}

func (c *collectionCreation) consume(ctx context.Context, src stream.Source[bson.Raw]) error {
	var views []collectionSpec
	err := guarded.EachAtOnce(ctx, src, func(description bson.Raw) error {
		spec, err := readSpec(description)
		switch {
		case err != nil:
			return fmt.Errorf("mongosink: create collections: %w", err)
		case spec.isView():
			views = append(views, spec)
			return nil
		}
		return c.create(ctx, spec)
	})
	for i := 0; err == nil && i < len(views); i++ {
		err = c.create(ctx, views[i])
	}
	return err
}

// create creates one collection, unless there is one with the same options.
func (c *collectionCreation) create(ctx context.Context, spec collectionSpec) error {
	if rename := c.opts.Rename; rename != nil {
		spec = spec.renamed(rename)
	}
	created, err := createCollection(ctx, c.db, spec, c.opts.SettleTimeout)
	switch {
	case err != nil && ctx.Err() != nil && !errors.Is(err, ErrOutcomeUnknown):
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("mongosink: create%s: %w", mongoerr.Namespace(c.db.Collection(spec.name)), err)
	case created:
		c.result.Created++
	default:
		c.result.Existing++
	}
	return nil
}

// createCollection creates the collection of spec. It returns false if there was one with the same
// options, and a [*CollectionConflictError] if there was another.
func createCollection(
	ctx context.Context, db *mongo.Database, spec collectionSpec, settle time.Duration,
) (created bool, err error) {
	have, err := lookUp(ctx, db, spec.name)
	switch {
	case err != nil:
		return false, err
	case have != nil:
		return false, spec.compare(db, have)
	}
	s := step{
		what: "create the collection", db: db, command: spec.command(), settle: settle,
		tookEffect: func(ctx context.Context) (bool, error) {
			have, err := lookUp(ctx, db, spec.name)
			return have != nil && len(spec.differences(have)) == 0, err
		},
	}
	err = s.run(ctx)
	const namespaceExists = 48
	if codeOf(err) != namespaceExists {
		return err == nil, err
	}
	if have, lookErr := lookUp(ctx, db, spec.name); lookErr == nil && have != nil { // made meanwhile
		return false, spec.compare(db, have)
	}
	return false, err
}

// lookUp returns what listCollections says about a collection, or nil if there is none.
func lookUp(ctx context.Context, db *mongo.Database, name string) (found bson.Raw, err error) {
	err = ask(ctx, func(ctx context.Context) error {
		found = nil
		cursor, err := db.ListCollections(ctx, bson.D{{Key: "name", Value: name}})
		if err != nil {
			return err
		}
		var all []bson.Raw
		if err := cursor.All(ctx, &all); err != nil {
			return err
		}
		for _, d := range all {
			if have, _ := d.Lookup("name").StringValueOK(); have == name { // a server may ignore the filter
				found = d
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up the collection: %w", err)
	}
	return found, nil
}

// uuidOf returns the UUID in an answer of listCollections, or "" if there is none.
func uuidOf(description bson.Raw) string {
	_, data, _ := description.Lookup("info", "uuid").BinaryOK()
	return string(data)
}
