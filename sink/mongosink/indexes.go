package mongosink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// CreateIndexesOptions tunes [CreateIndexes]. The zero value is ready to use.
type CreateIndexesOptions struct {
	// SettleTimeout is how long the sink repeats a command whose reply was lost. 0 means 30
	// seconds.
	SettleTimeout time.Duration
}

// CreateIndexesResult counts indexes, without the one on _id.
type CreateIndexesResult struct {
	Created  int64
	Existing int64 // were there before, with the same options
}

// CreateIndexes returns a sink that creates indexes of coll. Create them after the documents are
// inserted: that is faster, and a TTL index deletes nothing during a restore.
//
//   - In: descriptions as listIndexes gives them (mongosource.Indexes), the order of keys and all
//     options included. The index on _id, which every collection has, is skipped. Forms that only
//     old servers accept are converted: see the documentation of [ConvertIndex].
//   - Result: the counts of [CreateIndexesResult], also with an error.
//   - Memory: all descriptions; a collection has at most 64 indexes.
//   - Order: the server builds all indexes in one pass over the documents. If it refuses that, the
//     sink creates them one by one.
//   - Errors: [*IndexError] lists the indexes that the server refused, among them one of which the
//     collection has the name or the key with other options. All others were created, and
//     the documents are unchanged. [ErrBadDescription]; [ErrOutcomeUnknown] if a reply was lost and
//     no repetition was answered within SettleTimeout.
func CreateIndexes(coll *mongo.Collection, opts *CreateIndexesOptions) stream.Sink[bson.Raw, CreateIndexesResult] {
	o := CreateIndexesOptions{}
	if opts != nil {
		o = *opts
	}
	o.SettleTimeout = cmp.Or(o.SettleTimeout, defaultSettle)
	type descriptions = stream.Source[bson.Raw]
	return stream.SinkFunc[bson.Raw, CreateIndexesResult](
		func(ctx context.Context, src descriptions) (result CreateIndexesResult, err error) {
			switch {
			case coll == nil:
				return result, stream.Mark(errors.New("mongosink: create indexes: the collection is nil"), stream.Fatal)
			case o.SettleTimeout < 0:
				return result, stream.Mark(fmt.Errorf("mongosink: create indexes: SettleTimeout is %v; it must not be "+
					"negative", o.SettleTimeout), stream.Fatal)
			}
			var all []bson.Raw
			err = src.Each(ctx, func(description bson.Raw) error {
				all = append(all, description)
				return nil
			})
			if err != nil {
				return result, err
			}
			return createIndexes(ctx, coll, all, o.SettleTimeout)
		})
}

// FailedIndex is an index that the server refused.
type FailedIndex struct {
	Name    string
	Key     bson.Raw
	Code    int    // see https://www.mongodb.com/docs/manual/reference/error-codes/
	Message string // the server's, with control characters escaped, cut at 1 KiB
}

// IndexError lists indexes that the server refused. The documents, and all other indexes, are
// there.
type IndexError struct {
	Failed []FailedIndex

	namespace string
}

// Error names the first index and the number of others.
func (e *IndexError) Error() string {
	if len(e.Failed) == 0 {
		return fmt.Sprintf("mongosink: create indexes%s: refused", e.namespace)
	}
	f := e.Failed[0]
	others := ""
	if n := len(e.Failed) - 1; n > 0 {
		others = fmt.Sprintf(" (and %d others)", n)
	}
	return fmt.Sprintf("mongosink: create indexes%s: the server refused index %s%s: %s (code %d)",
		e.namespace, printable.Text(f.Name), others, f.Message, f.Code)
}

// Class returns Data.
func (e *IndexError) Class() stream.Class { return stream.Data }

// createIndexes creates the indexes of the descriptions.
func createIndexes(
	ctx context.Context, coll *mongo.Collection, descriptions []bson.Raw, settle time.Duration,
) (result CreateIndexesResult, err error) {
	c := &indexCreation{coll: coll, settle: settle}
	fail := func(err error) error {
		return fmt.Errorf("mongosink: create indexes%s: %w", mongoerr.Namespace(coll), err)
	}
	var wanted []bson.D
	for _, d := range descriptions {
		index, isID, err := ConvertIndex(d)
		switch {
		case err != nil:
			return result, fail(err)
		case !isID:
			wanted = append(wanted, index)
		}
	}
	if len(wanted) == 0 {
		return result, nil
	}
	before, err := c.prepare(ctx, wanted)
	if err == nil {
		err = c.createAll(ctx, wanted)
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, ErrOutcomeUnknown) {
		return result, context.Cause(ctx)
	}
	if err != nil {
		return result, fail(err)
	}
	for _, index := range wanted {
		switch name := nameOf(index); {
		case slices.ContainsFunc(c.failed, func(f FailedIndex) bool { return f.Name == name }):
		case slices.Contains(before, name):
			result.Existing++
		default:
			result.Created++
		}
	}
	if len(c.failed) > 0 {
		return result, &IndexError{Failed: c.failed, namespace: mongoerr.Namespace(coll)}
	}
	return result, nil
}

// indexCreation is one run of [CreateIndexes].
type indexCreation struct {
	coll   *mongo.Collection
	settle time.Duration
	failed []FailedIndex
}

// prepare returns the names of the indexes that the collection has. It completes the wanted indexes
// of a collection with a default collation: an index that does not mention a collation has none,
// but would get the collection's.
func (c *indexCreation) prepare(ctx context.Context, wanted []bson.D) (have []string, err error) {
	spec, err := lookUp(ctx, c.coll.Database(), c.coll.Name())
	if err != nil || spec == nil {
		return nil, err
	}
	locale, _ := spec.Lookup("options", "collation", "locale").StringValueOK()
	if locale != "" && locale != "simple" {
		simple := bson.E{Key: "collation", Value: bson.D{{Key: "locale", Value: "simple"}}}
		for i, index := range wanted {
			if !slices.ContainsFunc(index, func(e bson.E) bool { return e.Key == "collation" }) {
				wanted[i] = append(index, simple)
			}
		}
	}
	indexes, err := c.list(ctx)
	for _, index := range indexes {
		name, _ := index.Lookup("name").StringValueOK()
		have = append(have, name)
	}
	return have, err
}

// createAll creates the wanted indexes together, or one by one if the server refuses that. It adds
// the indexes that the server refuses to c.failed.
func (c *indexCreation) createAll(ctx context.Context, wanted []bson.D) error {
	err := c.create(ctx, wanted)
	if !indexRefused(err) {
		return err
	}
	if len(wanted) > 1 {
		for _, index := range wanted {
			if err := c.createAll(ctx, []bson.D{index}); err != nil {
				return err
			}
		}
		return nil
	}
	message := err.Error()
	var said mongo.CommandError
	if errors.As(err, &said) {
		message = said.Message
	}
	key, err := bson.Marshal(keyOf(wanted[0]))
	if err != nil {
		key = nil // of a converted index, it always can be
	}
	c.failed = append(c.failed, FailedIndex{
		Name: nameOf(wanted[0]), Key: key, Code: int(said.Code), Message: printable.Text(message),
	})
	return nil
}

// indexRefused reports whether the server refused an index because of its description, or because of
// the documents.
func indexRefused(err error) bool {
	const (
		unauthorized, authenticationFailed, notSupportedOnView = 13, 18, 166
		commandNotFound, userWritesBlocked, outOfDiskSpace     = 59, 371, 14031
	)
	if errors.Is(err, ErrOutcomeUnknown) || !refusedAlone(err) {
		return false
	}
	switch codeOf(err) {
	case 0, unauthorized, authenticationFailed, notSupportedOnView, commandNotFound, userWritesBlocked, outOfDiskSpace:
		return false
	}
	return true
}

// create creates indexes in one command. After a lost reply it repeats the command, which waits for
// a build in progress, and does nothing for an index that exists. A look would not do: the server
// lists an index while it builds it, and lists one with other options under the same name.
func (c *indexCreation) create(ctx context.Context, wanted []bson.D) error {
	s := step{
		what: "create the indexes", db: c.coll.Database(), settle: c.settle,
		command: bson.D{{Key: "createIndexes", Value: c.coll.Name()}, {Key: "indexes", Value: wanted}},
	}
	return s.run(ctx)
}

// list returns the indexes of the collection, and nothing if it does not exist.
func (c *indexCreation) list(ctx context.Context) (indexes []bson.Raw, err error) {
	err = ask(ctx, func(ctx context.Context) error {
		cursor, err := c.coll.Indexes().List(ctx)
		if err != nil {
			return err
		}
		indexes = nil
		return cursor.All(ctx, &indexes)
	})
	if err != nil {
		return nil, fmt.Errorf("list the indexes: %w", err)
	}
	return indexes, nil
}
