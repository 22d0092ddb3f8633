package mongosink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/bsonwire"
	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

const (
	lookupBytes     = 4 << 20 // of documents in one query, or one larger document
	lookupDocuments = 512     // in one query

	// lookupCopies is how often a document counts in a budget: as input, and in the server's reply.
	lookupCopies = 2
)

// lookups looks documents up in batches, and emits those that the collection does not have.
type lookups struct {
	run     *mergeRun
	emit    func(candidate) error
	account *stream.Account

	count         int64  // documents received
	plain, nested lookup // _ids that are not documents, and those that are
}

// lookup has the documents of the next query.
type lookup struct {
	docs  []candidate
	bytes int
}

// candidate is a document that may have to be inserted.
type candidate struct {
	index int64 // in the input
	doc   bson.Raw
}

func (l *lookups) each(ctx context.Context, src stream.Source[bson.Raw]) error {
	const lookups = 2
	l.account = stream.OpenAccount(ctx, stream.Need{
		Stage: "mongosink.Merge",
		Min:   lookups * lookupCopies * lookupBytes,
	})
	defer l.account.Close()
	if err := guarded.EachAtOnce(ctx, src, func(doc bson.Raw) error { return l.add(ctx, doc) }); err != nil {
		return err
	}
	return l.flushAll(ctx)
}

// flushAll looks up all documents that wait, and emits the missing ones.
func (l *lookups) flushAll(ctx context.Context) error {
	if err := l.flush(ctx, &l.plain); err != nil {
		return err
	}
	return l.flush(ctx, &l.nested)
}

// add puts a document into the next query.
func (l *lookups) add(ctx context.Context, doc bson.Raw) error {
	index := l.count
	l.count++
	c := candidate{index: index, doc: doc}
	if !bsonwire.HasFrame(doc) {
		return l.run.fail(c.refused(ErrMalformed))
	}
	if l.run.opts.Insert.MoveID { // the collection has it in the form in which it was inserted
		if layout, ok := layoutOf(doc); ok && layout.ids == 1 && !layout.idFirst {
			doc = withIDFirst(doc)
			c.doc = doc
		}
	}
	id, err := doc.LookupErr("_id")
	switch {
	case err != nil && !l.run.opts.InsertWithoutID:
		return l.run.fail(c.refused(ErrNoID))
	case err != nil:
		l.run.result.Missing++
		return l.emit(c)
	case !storable(id):
		return l.run.fail(c.refused(ErrInvalidID))
	}
	b := &l.plain
	if id.Type == bson.TypeEmbeddedDocument {
		b = &l.nested
	}
	if err := l.makeRoom(ctx, b, len(doc)); err != nil {
		return err
	}
	b.docs = append(b.docs, c)
	b.bytes += len(doc)
	if len(b.docs) == lookupDocuments || b.bytes >= lookupBytes {
		return l.flush(ctx, b)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// makeRoom takes the memory for a document of n bytes that goes into b. A document that exceeds a
// query waits for memory while nothing else is held.
func (l *lookups) makeRoom(ctx context.Context, b *lookup, n int) error {
	if b.bytes+n > lookupBytes {
		if err := l.flush(ctx, b); err != nil {
			return err
		}
	}
	if n > lookupBytes {
		if err := l.flushAll(ctx); err != nil {
			return err
		}
	}
	return l.account.Acquire(ctx, lookupCopies*int64(n))
}

// refused returns the error of a document that is not inserted.
func (c candidate) refused(why error) error {
	return &DocumentError{Index: c.index, ID: bsonwire.ShownID(c.doc), Size: len(c.doc), Err: why}
}

// storable reports whether a server may have a document with this _id, so that a query for it finds
// only that value.
func storable(id bson.RawValue) bool {
	switch id.Type {
	case bson.TypeRegex, bson.TypeArray, bson.TypeUndefined:
		return false
	case bson.TypeEmbeddedDocument:
		first, err := id.Document().IndexErr(0)
		return err != nil || !strings.HasPrefix(first.Key(), "$")
	}
	return true
}

// flush looks up the documents of b, and emits the missing ones.
func (l *lookups) flush(ctx context.Context, b *lookup) error {
	defer func() {
		l.account.Release(lookupCopies * int64(b.bytes))
		*b = lookup{}
	}()
	present, err := l.find(ctx, b.docs)
	if err != nil {
		return cancelCause(ctx, l.run.fail(err))
	}
	for _, c := range b.docs {
		if present[idOf(c.doc)] {
			l.run.result.Present++
			continue
		}
		l.run.result.Missing++
		if err := l.emit(c); err != nil {
			return err
		}
	}
	return nil
}

// find returns the _ids of docs that the collection has with the same bytes. Any other document
// that it finds is a conflict.
func (l *lookups) find(ctx context.Context, docs []candidate) (present map[string]bool, err error) {
	wanted := make(map[string]candidate, len(docs))
	ids := make(bson.A, 0, len(docs))
	for _, c := range docs {
		id := idOf(c.doc)
		if _, twice := wanted[id]; twice {
			return nil, c.refused(ErrRepeatedID)
		}
		wanted[id] = c
		ids = append(ids, c.doc.Lookup("_id"))
	}
	if len(ids) == 0 {
		return nil, nil
	}
	limit := l.run.opts.LookupTimeout
	asking, done := context.WithTimeoutCause(ctx, limit, stream.Mark(
		fmt.Errorf("no answer for %v: %w", limit, stream.ErrTimeout), stream.Retryable))
	defer done()
	err = l.run.retry(asking, func() error {
		present = make(map[string]bool)
		return l.ask(asking, ids, func(found bson.Raw) error {
			present[idOf(found)] = true
			return compare(wanted, found)
		})
	})
	switch {
	case errors.Is(err, errOtherForm) && len(docs) == 1:
		return nil, docs[0].refused(ErrConflict)
	case errors.Is(err, errOtherForm): // find out which
		for _, c := range docs {
			if _, err := l.find(ctx, []candidate{c}); err != nil {
				return nil, err
			}
		}
		return nil, err
	case err != nil && errors.As(err, new(*DocumentError)):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("look up %d documents: %w", len(ids), err)
	}
	return present, nil
}

// ask calls f for each document whose _id is one of ids.
func (l *lookups) ask(ctx context.Context, ids bson.A, f func(bson.Raw) error) error {
	return ask(ctx, func(ctx context.Context) error {
		filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}
		cursor, err := l.run.coll.Find(ctx, filter, options.Find().SetBatchSize(int32(lookupDocuments)))
		if err != nil {
			return err
		}
		defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }() // the server closes it after a timeout
		for cursor.Next(ctx) {
			if err := f(cursor.Current); err != nil {
				return err
			}
		}
		return cursor.Err()
	})
}

// errOtherForm says that the collection has an _id that equals one of a query in another form: 1 and
// 1.0, or two texts under a collation.
var errOtherForm = stream.Mark(errors.New("the collection has an equal _id in another form"), stream.Data)

// compare returns an error if the found document is not one of wanted.
func compare(wanted map[string]candidate, found bson.Raw) error {
	c, known := wanted[idOf(found)]
	switch {
	case !known:
		return errOtherForm
	case !bytes.Equal(c.doc, found):
		return c.refused(ErrConflict)
	}
	return nil
}

// idOf returns the type and the bytes of the _id of doc, which has one.
func idOf(doc bson.Raw) string {
	return idKeyOf(doc.Lookup("_id"))
}

// idKeyOf returns the type and the bytes of an _id.
func idKeyOf(id bson.RawValue) string { return string([]byte{byte(id.Type)}) + string(id.Value) }
