package mongosink

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/stream"
)

// Write is one write of a [Bulk]: an insert, a replacement, an update or a deletion. The functions
// that make one accept filters and documents of any type that marshals to BSON; bson.Raw is the
// fastest.
type Write struct {
	verb     verb
	filter   bson.Raw
	document bson.RawValue // the document, the update or the pipeline
	fields   bson.D        // more fields of the statement
	upsert   bool
	err      error
}

// ErrInvalidWrite says that a [Write] cannot be sent: a filter or document that does not marshal, a
// replacement with operators, or an update without. It is the cause of a [DocumentError]. Its class
// is Data.
var ErrInvalidWrite = stream.Mark(errors.New("the write is not valid"), stream.Data)

// InsertOne returns a write that inserts doc.
func InsertOne(doc any) Write { return newWrite(inserts, bson.D{}, doc) }

// ReplaceOne returns a write that replaces a document that matches filter by doc.
func ReplaceOne(filter, doc any) Write { return newWrite(replaces, filter, doc) }

// UpsertOne returns a write that replaces a document that matches filter by doc, or inserts doc if
// there is none.
func UpsertOne(filter, doc any) Write { return ReplaceOne(filter, doc).Upsert() }

// UpdateOne returns a write that changes a document that matches filter. update has operators such
// as $set, or is a pipeline.
func UpdateOne(filter, update any) Write { return newWrite(updates, filter, update) }

// UpdateMany returns a write that changes all documents that match filter. If its reply is lost, its
// outcome is unknown.
func UpdateMany(filter, update any) Write { return newWrite(updatesOfMany, filter, update) }

// DeleteOne returns a write that deletes a document that matches filter.
func DeleteOne(filter any) Write { return newWrite(deletes, filter, nil) }

// DeleteMany returns a write that deletes all documents that match filter. If its reply is lost, its
// outcome is unknown.
func DeleteMany(filter any) Write { return newWrite(deletesOfMany, filter, nil) }

// Upsert returns w with an insert if no document matches.
func (w Write) Upsert() Write {
	if w.verb != replaces && w.verb != updates && w.verb != updatesOfMany {
		w.err = fmt.Errorf("%w: only a replacement or an update can be an upsert", ErrInvalidWrite)
	}
	w.upsert = true
	return w
}

// With returns w with one more field of the server's statement: hint, collation or, for an update,
// arrayFilters
// (https://www.mongodb.com/docs/manual/reference/command/update/#syntax).
func (w Write) With(field string, value any) Write {
	known := map[verb][]string{
		replaces: {"hint", "collation"}, deletes: {"hint", "collation"}, deletesOfMany: {"hint", "collation"},
		updates: {"hint", "collation", "arrayFilters"}, updatesOfMany: {"hint", "collation", "arrayFilters"},
	}
	if !slices.Contains(known[w.verb], field) {
		w.err = fmt.Errorf("%w: such a write has no field %q", ErrInvalidWrite, field)
	}
	w.fields = append(slices.Clone(w.fields), bson.E{Key: field, Value: value})
	return w
}

func newWrite(v verb, filter, document any) Write {
	w := Write{verb: v}
	if w.filter, w.err = marshal(filter); w.err != nil {
		return w
	}
	if document == nil {
		if v != deletes && v != deletesOfMany {
			w.err = fmt.Errorf("%w: nil", ErrInvalidWrite)
		}
		return w
	}
	if raw, ok := document.(bson.Raw); ok {
		w.document = bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: raw}
	} else if t, value, err := bson.MarshalValue(document); err != nil {
		w.err = fmt.Errorf("%w: %w", ErrInvalidWrite, err)
	} else {
		w.document = bson.RawValue{Type: t, Value: value}
	}
	if w.err == nil && v != inserts {
		w.err = w.checkOperators()
	}
	return w
}

// checkOperators keeps a server from taking a replacement for an update, and the reverse.
func (w *Write) checkOperators() error {
	if w.document.Type == bson.TypeArray && w.verb != replaces {
		return nil // a pipeline
	}
	doc, ok := w.document.DocumentOK()
	if !ok {
		return fmt.Errorf("%w: it is no document", ErrInvalidWrite)
	}
	first, err := doc.IndexErr(0)
	operators := err == nil && strings.HasPrefix(first.Key(), "$")
	switch {
	case operators && w.verb == replaces:
		return fmt.Errorf("%w: the replacement begins with the operator %s", ErrInvalidWrite, first.Key())
	case !operators && w.verb != replaces:
		return fmt.Errorf("%w: the update has no operator, and would replace the document", ErrInvalidWrite)
	}
	return nil
}

func marshal(v any) (bson.Raw, error) {
	if raw, ok := v.(bson.Raw); ok {
		return raw, nil
	}
	raw, err := bson.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidWrite, err)
	}
	return raw, nil
}

// size returns about how many bytes the statement has.
func (w *Write) size() int { return len(w.filter) + len(w.document.Value) + statementOverhead }

// statementOverhead is more than the names and lengths of a statement take.
const statementOverhead = 128
