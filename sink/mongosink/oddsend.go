package mongosink

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/xoptions"

	"github.com/millweir/millweir/internal/mongoerr"
)

// A batch with an odd document is inserted by the driver, which sends documents as a separate
// section of the message. It hides its attempts.

// insertByDriver inserts the documents of b once, as far as the driver does, and returns the reply
// in the form of the server.
func (w *worker) insertByDriver(ctx context.Context, b *batch) (raw bson.Raw, err error) {
	defer mongoerr.Recover(&err)
	models := make([]mongo.WriteModel, len(b.statements))
	for i := range models {
		models[i] = b.model(i)
	}
	o := options.BulkWrite().SetOrdered(b.ordered)
	if w.settings.bypass {
		o.SetBypassDocumentValidation(true)
	}
	if w.settings.comment != nil {
		o.SetComment(w.settings.comment)
	}
	if b.keepTimestamps {
		field := bson.D{{Key: bypassField, Value: true}}
		if err := xoptions.SetInternalBulkWriteOptions(o, "addCommandFields", field); err != nil {
			return nil, err
		}
	}
	res, err := w.coll.BulkWrite(w.session.in(ctx), models, o)
	said, ok := errors.AsType[mongo.BulkWriteException](err)
	if err != nil && !ok || res == nil {
		return nil, err
	}
	return b.replyOf(res, said), nil
}

// model returns statement i in the form of the driver. It has no fields of [Write.With] and no
// pipeline.
func (b *batch) model(i int) mongo.WriteModel {
	doc := b.document(i)
	if b.verb == inserts {
		return mongo.NewInsertOneModel().SetDocument(doc)
	}
	upsert, _ := doc.Lookup("upsert").BooleanOK()
	if b.verb == updates {
		return mongo.NewUpdateOneModel().SetFilter(doc.Lookup("q").Document()).SetUpdate(doc.Lookup("u").Document()).
			SetUpsert(upsert)
	}
	m := mongo.NewReplaceOneModel().SetFilter(doc.Lookup("q").Document()).SetReplacement(doc.Lookup("u").Document())
	return m.SetUpsert(upsert)
}

// replyOf returns the reply of a server from which the driver made res and said.
func (b *batch) replyOf(res *mongo.BulkWriteResult, said mongo.BulkWriteException) bson.Raw {
	reply := bson.D{{Key: "ok", Value: 1}}
	failed := len(said.WriteErrors) > 0 || said.WriteConcernError != nil
	if res.Acknowledged || failed {
		n := res.InsertedCount + res.MatchedCount
		if !b.ordered || !failed { // otherwise the driver returns before it subtracts the upserts
			n += res.UpsertedCount
		}
		reply = append(reply, bson.E{Key: "n", Value: n}, bson.E{Key: "nModified", Value: res.ModifiedCount})
	}
	upserted := bson.A{}
	for i := range res.UpsertedIDs {
		upserted = append(upserted, bson.D{{Key: "index", Value: i}})
	}
	if len(upserted) > 0 {
		reply = append(reply, bson.E{Key: "upserted", Value: upserted})
	}
	errs := bson.A{}
	for _, e := range said.WriteErrors {
		errs = append(errs, e.Raw)
	}
	if len(errs) > 0 {
		reply = append(reply, bson.E{Key: "writeErrors", Value: errs})
	}
	if c := said.WriteConcernError; c != nil {
		reply = append(reply, bson.E{Key: "writeConcernError", Value: bson.D{
			{Key: "code", Value: c.Code}, {Key: "errmsg", Value: c.Message},
		}})
	}
	return document(reply)
}

// ofContent are codes by which a server refuses a whole command because of its content: it would
// have refused an earlier attempt too.
var ofContent = append([]int32{
	16,    // InvalidLength
	59,    // CommandNotFound
	72,    // InvalidOptions
	73,    // InvalidNamespace
	166,   // CommandNotSupportedOnView
	40415, // an unknown field
}, ofStatements...)

// hideAttempts takes back what a refusal does not prove about the attempts that the driver hides.
func (o *outcome) hideAttempts() {
	said, ok := errors.AsType[mongo.CommandError](o.err)
	if (o.last == refused || o.last == halfway) && !(ok && slices.Contains(ofContent, said.Code)) {
		o.maybe, o.lost = true, true
	}
}
