package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/cli"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// merge inserts the documents that the collection does not have. It reads the object twice: the
// first pass decrypts and parses all of it and compares it with the collection; the second pass
// inserts.
func (j *job) merge(ctx context.Context) (summary, error) {
	if aws.ToString(j.object.ETag) == "" {
		return summary{}, j.untouched(cli.Errorf("the server tells no ETag of %s, by which it would be known "+
			"to be the same when it is read again: restore into a collection that does not exist", j.s3.URL()))
	}
	opts := &mongosink.MergeOptions{Insert: *j.insertOptions(), InsertWithoutID: !j.settings.merge, DryRun: true}
	stop := j.watch("checked", nil)
	found, err := j.runMerge(ctx, opts)
	stop()
	switch {
	case err != nil:
		return summary{}, j.untouched(j.explainMerge(err))
	case found.Missing == 0:
		return summary{equal: found.Present}, nil
	}

	opts.DryRun = false
	stop = j.watch("in the collection", &j.acknowledged)
	result, err := j.runMerge(ctx, opts)
	stop()
	switch {
	case err == nil:
		return summary{InsertResult: result.InsertResult, equal: result.Present + result.AlreadyThere}, nil
	case errors.As(err, new(*cli.Panic)): // the result is lost
		return summary{}, stream.Mark(cli.Errorf("%w; some documents may have been inserted into %s: "+
			"run it again with -merge to add the others", err, j.mongo.Namespace()), stream.UnknownOutcome)
	case result.Inserted+result.Unknown == 0:
		return summary{}, j.untouched(j.explainMerge(err))
	}
	class, unclear := stream.Fatal, ""
	if result.Unknown > 0 {
		class, unclear = stream.UnknownOutcome, fmt.Sprintf(" (and perhaps %d more)", result.Unknown)
	}
	advice := "run it again with -merge to add the others"
	if j.missingID {
		advice = "delete them and restore again, for not all have an _id by which -merge would know them"
	}
	return summary{}, stream.Mark(cli.Errorf("%w; %d documents%s were inserted into %s and stay there: %s",
		j.explainMerge(err), result.Inserted, unclear, j.mongo.Namespace(), advice), class)
}

// untouched returns the error of a merge that inserted nothing.
func (j *job) untouched(err error) error {
	return stream.Mark(cli.Errorf("%w; nothing was inserted into %s", err, j.mongo.Namespace()), stream.Fatal)
}

// runMerge runs one pass.
func (j *job) runMerge(ctx context.Context, opts *mongosink.MergeOptions) (mongosink.MergeResult, error) {
	return cli.Protect(func() (mongosink.MergeResult, error) {
		return stream.Run(ctx, j.documents(), mongosink.Merge(j.coll, opts))
	})
}

// explainMerge adds to err what to do about it.
func (j *job) explainMerge(err error) error {
	var document *mongosink.DocumentError
	if errors.Is(err, mongosink.ErrNotRepeatable) {
		return cli.Errorf("%w: restore into a collection that does not exist", err)
	}
	if !errors.As(err, &document) {
		return j.explain(err)
	}
	number, id := document.Index+1, cli.Foreign(document.ID.String())
	switch {
	case errors.Is(err, mongosink.ErrConflict):
		return cli.Errorf("the collection has another document with _id %s", id)
	case errors.Is(err, mongosink.ErrRepeatedID):
		return cli.Errorf("the object has two documents with _id %s", id)
	case errors.Is(err, mongosink.ErrInvalidID):
		return cli.Errorf("document %d of the object has an _id of type %s, by which no collection can be searched: "+
			"restore into a collection that does not exist", number, cli.Foreign(document.ID.Type.String()))
	}
	return j.explain(err)
}

// checkIDs returns a flow that notes documents without an _id. With -merge they are an error,
// because the collection may have them already and no look-up can find them.
func (j *job) checkIDs() stream.Flow[bson.Raw, bson.Raw] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[bson.Raw], emit func(bson.Raw) error) error {
		n := 0
		return src.Each(ctx, func(doc bson.Raw) error {
			n++
			if doc.Lookup("_id").IsZero() {
				if j.settings.merge {
					return cli.Errorf("document %d of the object has no _id, by which -merge would know it again: "+
						"restore without -merge", n)
				}
				j.missingID = true
			}
			return emit(doc)
		})
	})
}
