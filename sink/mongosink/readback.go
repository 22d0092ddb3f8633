package mongosink

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// presence says what the collection has under the _id of a document that was sent.
type presence int

const (
	absent    presence = iota // nothing
	same                      // the same bytes
	other                     // other bytes
	uncertain                 // something that a majority of the servers does not have yet, or of an equal _id
)

// errIncomplete says that a reading was not complete.
var errIncomplete = errors.New("the server did not return all documents")

// readBack reads the documents with the _ids of some of b's statements, by their indexes, and
// compares them. level is the read concern.
func (w *worker) readBack(ctx context.Context, b *batch, statements []int, level string) (
	found map[int]presence, err error,
) {
	err = w.lookAgain(ctx, func() error {
		found, err = w.readOnce(ctx, b, statements, level)
		return err
	})
	return found, err
}

// lookAgain repeats a look-up that settles a batch in the time that the batch has for repetitions. It
// repeats it at least twice: if a connection is lost, those of a client are closed together. The
// time begins with the first failure of the batch or of any of its look-ups.
func (w *worker) lookAgain(ctx context.Context, look func() error) error {
	waits := pauses{limit: w.retryTimeout, least: 2, first: w.waits.first}
	err := lookAgain(ctx, &waits, w.sleep, look)
	w.waits.first = waits.first
	return err
}

func (w *worker) readOnce(ctx context.Context, b *batch, statements []int, level string) (map[int]presence, error) {
	wanted := make(map[string]int, len(statements))
	ids := make(bson.A, 0, len(statements))
	for _, i := range statements {
		id := b.id(i)
		wanted[idKeyOf(id)] = i
		ids = append(ids, id)
	}
	found := make(map[int]presence, len(statements))
	otherForm := false // an _id that equals one of ids has another type, or other letters under a collation
	err := w.eachWithID(ctx, ids, level, func(doc bson.Raw) {
		i, ok := wanted[idOf(doc)]
		switch {
		case !ok:
			otherForm = true
		case b.shownBy(i, doc):
			found[i] = same
		case found[i] == absent:
			found[i] = other
		}
	})
	for _, i := range statements {
		if otherForm && found[i] == absent {
			found[i] = uncertain
		}
	}
	return found, err
}

// eachWithID calls f for every document with one of ids.
func (w *worker) eachWithID(ctx context.Context, ids bson.A, level string, f func(bson.Raw)) error {
	command := bson.D{
		{Key: "find", Value: w.collection},
		{Key: "filter", Value: bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}},
		{Key: "batchSize", Value: int32(len(ids))},
	}
	if level != "" {
		command = append(command, bson.E{Key: "readConcern", Value: bson.D{{Key: "level", Value: level}}})
	}
	for batch := "firstBatch"; ; batch = "nextBatch" {
		raw, err := w.execute(ctx, document(command))
		if err != nil {
			return err
		}
		cursor, _ := raw.Lookup("cursor").DocumentOK()
		docs, err := valuesOf(cursor, batch)
		if err != nil {
			return err
		}
		for _, v := range docs {
			doc, _ := v.DocumentOK()
			f(doc)
		}
		switch id, ok := cursor.Lookup("id").AsInt64OK(); {
		case !ok || id != 0 && len(docs) == 0:
			return errIncomplete
		case id == 0:
			return nil
		default:
			command = bson.D{{Key: "getMore", Value: id}, {Key: "collection", Value: w.collection}}
		}
	}
}
