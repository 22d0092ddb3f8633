package mongosink

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
)

// Some servers refuse a whole command because of one bad document and do not name it. With
// ContinueOnError, the sink sends such a batch again in halves, down to the single document.

// ofDocuments are the refusals of a whole command that one of its documents may have caused.
var ofDocuments = []int32{
	2,     // BadValue
	9,     // FailedToParse
	14,    // TypeMismatch
	22,    // InvalidBSON
	10334, // BSONObjectTooLarge
}

// maxRefusedAlone is how many documents are refused alone, before any is inserted, until the run
// fails: the reason then does not lie in the documents.
const maxRefusedAlone = 20

// bisect sends the parts of b, which the server refused as a whole.
func (r *run) bisect(ctx context.Context, b *batch, refusal mongo.CommandError) error {
	if len(b.docs) == 1 {
		return r.refuseAlone(b, refusal)
	}
	for _, half := range b.halves() {
		if err := r.write(ctx, half); err != nil {
			return err
		}
	}
	return nil
}

// refusedAsWhole returns the refusal of a batch that is bisected.
func (r *run) refusedAsWhole(ctx context.Context, err error) (mongo.CommandError, bool) {
	refusal, ok := errors.AsType[mongo.CommandError](err)
	return refusal, ok && r.opts.ContinueOnError && ctx.Err() == nil && slices.Contains(ofDocuments, refusal.Code)
}

// halves divides a batch that was refused as a whole. The halves count as sent before: a server that
// does not name the bad document may have stored others.
func (b *batch) halves() [2]*batch {
	part := func(from, to int) *batch {
		p := &batch{
			first: b.first + int64(from), docs: b.docs[from:to], withoutID: b.withoutID[from:to],
			models: b.models[from:to], opts: b.opts, resent: true,
		}
		for _, doc := range p.docs {
			p.bytes += len(doc)
		}
		return p
	}
	middle := len(b.docs) / 2
	return [2]*batch{part(0, middle), part(middle, len(b.docs))}
}

// refuseAlone counts the only document of b as refused.
func (r *run) refuseAlone(b *batch, refusal mongo.CommandError) error {
	t := &r.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refuse(b, mongo.BulkWriteException{WriteErrors: []mongo.BulkWriteError{{
		WriteError: mongo.WriteError{Code: int(refusal.Code), Message: refusal.Message, Raw: refusal.Raw},
	}}})
	if t.refusedAlone++; t.refusedAlone >= maxRefusedAlone && t.result.Inserted == 0 {
		return t.firstError(r.fail(mongoerr.Mark(refusal)))
	}
	return nil
}
