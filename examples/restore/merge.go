package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/examples/internal/cli"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// merge inserts the documents that the collection does not have. It reads the object twice: the
// first pass decrypts and parses all of it and compares it with the collection; the second pass
// inserts.
func (j *job) merge(ctx context.Context) (summary, error) {
	untouched := func(err error) error {
		return outcomeKnown(cli.Errorf("%w; nothing was inserted into %s", err, j.mongo.Namespace()))
	}
	if aws.ToString(j.object.ETag) == "" {
		return summary{}, untouched(cli.Errorf("the server tells no ETag of %s, by which it would be known "+
			"to be the same when it is read again: restore into a collection that does not exist", j.s3.URL()))
	}
	var equal int64
	stop := j.watch("checked", nil)
	_, err := cli.Protect(func() (int64, error) {
		return stream.Run(ctx, stream.Via(j.documents(), j.onlyAbsent(&equal)), sink.Discard[bson.Raw]())
	})
	stop()
	if err != nil {
		return summary{}, untouched(j.explain(err))
	}
	if n := j.parsed.Elements(); n == equal {
		return summary{equal: equal}, nil
	}

	// If the collection has no such document, the second pass needs no look-ups: the server rejects
	// a document that another program has inserted since as a duplicate.
	lookUpAgain := equal > 0
	equal = 0
	stop = j.watch("in the collection", &j.acknowledged)
	documents := j.documents()
	if lookUpAgain {
		documents = stream.Via(documents, j.onlyAbsent(&equal))
	}
	result, err := cli.Protect(func() (mongosink.InsertResult, error) {
		return stream.Run(ctx, documents, j.insert(j.coll))
	})
	stop()
	switch {
	case err == nil:
		return summary{InsertResult: result, equal: equal}, nil
	case errors.As(err, new(*cli.Panic)): // the result is lost
		return summary{}, stream.Mark(cli.Errorf("%w; some documents may have been inserted into %s: "+
			"run it again with -merge to add the others", err, j.mongo.Namespace()), stream.UnknownOutcome)
	case result.Inserted+result.Unknown == 0:
		return summary{}, untouched(j.explain(err))
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
		j.explain(err), result.Inserted, unclear, j.mongo.Namespace(), advice), class)
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

// searchable reports whether a query for id finds only that value. In a query a regular expression
// is a pattern, a document whose first key begins with $ is an operator, and an array matches its
// elements. A server stores none of these as an _id, so an object that has one was made to search
// the collection.
func searchable(id bson.RawValue) bool {
	switch id.Type {
	case bson.TypeRegex, bson.TypeArray, bson.TypeUndefined:
		return false
	case bson.TypeEmbeddedDocument:
		first, err := id.Document().IndexErr(0)
		return err != nil || !strings.HasPrefix(first.Key(), "$")
	}
	return true
}

const (
	lookupBytes     = 8 << 20 // of documents in one query; the reply may be as large
	lookupDocuments = 512     // in one query

	lookupTimeout = 10 * time.Minute // a server without an index on _id reads the whole collection
)

// onlyAbsent returns a flow that passes the documents that the collection does not have. It counts
// those that the collection has byte for byte in equal. A document that the collection has with
// other content ends the run. Documents whose _id is a document have their own queries: a server
// may have to read the whole collection for these, and find the others by its index.
func (j *job) onlyAbsent(equal *int64) stream.Flow[bson.Raw, bson.Raw] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[bson.Raw], emit func(bson.Raw) error) error {
		var plain, nested batch
		n := 0
		pass := func(b *batch) error {
			have, err := j.findExisting(ctx, b.docs, lookupTimeout)
			if err != nil {
				return cancelCause(ctx, err)
			}
			for _, doc := range b.docs {
				if have[idKey(doc)] {
					*equal++
					j.acknowledged.Documents(1)
				} else if err := emit(doc); err != nil {
					return err
				}
			}
			*b = batch{}
			return nil
		}
		err := src.Each(ctx, func(doc bson.Raw) error {
			n++
			id := doc.Lookup("_id")
			if !searchable(id) {
				return cli.Errorf("document %d of the object has an _id of type %s, "+
					"by which no collection can be searched: restore into a collection that does not exist",
					n, cli.Foreign(id.Type.String()))
			}
			b := &plain
			if id.Type == bson.TypeEmbeddedDocument {
				b = &nested
			}
			b.docs, b.bytes = append(b.docs, doc), b.bytes+len(doc)
			if len(b.docs) == lookupDocuments || b.bytes >= lookupBytes {
				return pass(b)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := pass(&plain); err != nil {
			return err
		}
		return pass(&nested)
	})
}

// batch holds the documents of the next query.
type batch struct {
	docs  []bson.Raw
	bytes int
}

// findExisting returns the _ids of batch that the collection has. The server must answer within
// limit. It is an error if the collection has a document with the same _id and other content, or if
// batch has two documents with one _id.
func (j *job) findExisting(ctx context.Context, batch []bson.Raw, limit time.Duration) (map[string]bool, error) {
	wanted := make(map[string]bson.Raw, len(batch))
	ids := make(bson.A, 0, len(batch))
	for _, doc := range batch {
		id, err := doc.LookupErr("_id")
		if err != nil {
			continue
		}
		if wanted[idKey(doc)] != nil {
			return nil, cli.Errorf("the object has two documents with _id %s", cli.Foreign(id.String()))
		}
		wanted[idKey(doc)] = doc
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	have := make(map[string]bool)
	note := func(found bson.Raw) error {
		doc := wanted[idKey(found)]
		if doc == nil { // the server takes 1 and 1.0 as equal; the error must not show the collection's value
			return cli.Errorf("the collection has a document whose _id equals one of the object, " +
				"written in another way")
		}
		if !bytes.Equal(doc, found) {
			return cli.Errorf("the collection has another document with _id %s",
				cli.Foreign(found.Lookup("_id").String()))
		}
		have[idKey(found)] = true
		return nil
	}
	find := mongosource.Find(j.coll, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}, nil)
	err := j.mongo.AskFor(ctx, "look-up of "+cli.Documents(int64(len(ids))), limit, func(ctx context.Context) error {
		return find.Each(ctx, note)
	})
	if err != nil {
		return nil, err
	}
	return have, nil
}

// idKey returns the _id of doc as a map key: its type and its bytes. It returns "" if doc has no
// _id.
func idKey(doc bson.Raw) string {
	id := doc.Lookup("_id")
	if id.IsZero() {
		return ""
	}
	return string(id.Type) + string(id.Value)
}
