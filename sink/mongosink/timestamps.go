package mongosink

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
)

// Servers store their own time for a top-level Timestamp(0, 0), unless the insert has this field.
// The later releases of MongoDB 5.0 to 8.0, and all newer versions, know it
// (https://jira.mongodb.org/browse/SERVER-88750).
const bypassField = "bypassEmptyTsReplacement"

// emptyTimestamps records whether the server is known to keep a Timestamp(0, 0) on request.
type emptyTimestamps struct {
	asked    bool
	unproven error // the reason why it is not known, or nil
}

// allowEmptyTimestamp returns nil if doc, which has a top-level Timestamp(0, 0), may be sent. It
// asks the server at the first such document of the run.
func (r *run) allowEmptyTimestamp(ctx context.Context, doc bson.Raw) error {
	if !r.timestamps.asked {
		doubt, err := r.askForBypass(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return r.fail(fmt.Errorf("ask the server for %s: %w", bypassField, mongoerr.Mark(err)))
		}
		r.timestamps = emptyTimestamps{asked: true, unproven: doubt}
	}
	if r.timestamps.unproven != nil && !r.anyTimestamp {
		return r.refuse(doc, fmt.Errorf("%w: %w", ErrEmptyTimestamp, r.timestamps.unproven))
	}
	return nil
}

// askForBypass returns nil if the server knows bypassField, and otherwise why this is in doubt. err
// reports that the server could not be asked.
//
// It sends two inserts without documents, which change nothing. A server that checks fields first
// refuses an unknown field because of the field, and bypassField only because there are no
// documents. Any other answer proves nothing: a server that ignores unknown fields would change the
// documents and report success.
func (r *run) askForBypass(ctx context.Context) (doubt, err error) {
	const invalidLength, unknownField = 16, 40415
	ctx = mongo.NewSessionContext(ctx, nil) // an error would end a transaction of the caller
	for _, ask := range []struct {
		field string
		want  int32
	}{{bypassField, invalidLength}, {"millweirUnknownField", unknownField}} {
		_, err := r.ask(ctx, document(bson.D{
			{Key: "insert", Value: r.collection}, {Key: "documents", Value: bson.A{}}, {Key: ask.field, Value: true},
		}))
		var said mongo.CommandError
		switch {
		case err == nil:
			return fmt.Errorf("the server takes an insert of no documents with %s, and may ignore the field",
				ask.field), nil
		case !errors.As(err, &said) || said.Code == 0 || mongoerr.Class(err).Transient():
			return nil, err
		case said.Code != ask.want:
			return fmt.Errorf("asked for %s the server says: %w", ask.field, mongoerr.Bound(err)), nil
		}
	}
	return nil, nil
}
