package mongosink

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonwire"
)

// prepare returns doc in the form in which it will be sent, except for a missing _id, and its
// layout. It returns an error if servers would refuse doc, or if this server may change it.
func (r *run) prepare(ctx context.Context, doc bson.Raw) (bson.Raw, layout, error) {
	switch {
	case len(doc) > maxDocumentBytes:
		return nil, layout{}, r.refuse(doc, ErrTooLarge)
	case !bsonwire.HasFrame(doc):
		return nil, layout{}, r.refuse(doc, ErrMalformed)
	}
	l, ok := r.walker.layout(doc)
	switch {
	case !ok:
		return nil, l, r.refuse(doc, ErrMalformed)
	case len(doc)+l.missing() > maxDocumentBytes:
		return nil, l, r.refuse(doc, fmt.Errorf("%w with the _id that it lacks", ErrTooLarge))
	case l.ids > 1 || l.ids == 1 && !l.idFirst && !r.moveID:
		return nil, l, r.refuse(doc, ErrIDNotFirst)
	case l.ids == 1 && !l.idFirst:
		doc = withIDFirst(doc)
	}
	if l.badID {
		return nil, l, r.refuse(doc, ErrInvalidID)
	}
	if l.emptyTimestamp {
		if err := r.allowEmptyTimestamp(ctx, doc); err != nil {
			return nil, l, err
		}
	}
	return doc, l, nil
}

// refuse returns the error of the last received document, which is not sent.
func (r *run) refuse(doc bson.Raw, why error) error {
	return r.fail(&DocumentError{Index: r.index(), ID: bsonwire.ShownID(doc), Size: len(doc), Err: why})
}
