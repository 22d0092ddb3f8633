package mongosource

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/bsonwire"
	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// Decode returns doc as a T, by bson.Unmarshal. Use it after any source of documents, on as many
// goroutines as you like:
//
//	cookies := stream.Via(mongosource.Find(coll, bson.D{}, nil), stream.TryMap(mongosource.Decode[Cookie]))
//
// With positions, after [ScanCheckpoints], use it by [stream.OnValue]. Its error is a
// [*DecodeError].
func Decode[T any](_ context.Context, doc bson.Raw) (v T, err error) {
	if err := bson.Unmarshal(doc, &v); err != nil {
		return v, newDecodeError(doc, err)
	}
	return v, nil
}

// DecodeWith returns a function like [Decode] that decodes by f, such as a method of a
// bson.Decoder with your registry. f may keep the document.
func DecodeWith[T any](f func(doc bson.Raw) (T, error)) func(context.Context, bson.Raw) (T, error) {
	return func(_ context.Context, doc bson.Raw) (v T, err error) {
		if f == nil {
			return v, errNilDecode
		}
		if v, err = f(doc); err != nil {
			return v, newDecodeError(doc, err)
		}
		return v, nil
	}
}

var errNilDecode = stream.Mark(fmt.Errorf("mongosource: decode: the function is nil"), stream.Fatal)

// DecodeError says which document could not be decoded. It wraps the error of the function.
type DecodeError struct {
	ID  bson.RawValue // its _id, or the zero value if it cannot be read or has more than 1 KiB
	Err error
}

func newDecodeError(doc bson.Raw, err error) *DecodeError {
	return &DecodeError{ID: bsonwire.ShownID(doc), Err: mongoerr.Bound(err)}
}

// Error names the document.
func (e *DecodeError) Error() string {
	id := ""
	if !e.ID.IsZero() {
		id = " with _id " + printable.Text(e.ID.String())
	}
	return fmt.Sprintf("mongosource: decode a document%s: %v", id, e.Err)
}

// Unwrap returns the error of the function.
func (e *DecodeError) Unwrap() error { return e.Err }

// Class returns Data, or the class that the error of the function has.
func (e *DecodeError) Class() stream.Class {
	if c := stream.ClassOf(e.Err); c != stream.Unclassified {
		return c
	}
	return stream.Data
}
