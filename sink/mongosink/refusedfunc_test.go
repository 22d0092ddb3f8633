package mongosink_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// Refused documents go to a function, with their content. The run goes on until the limit, an error
// of the function, or a refusal for another reason than the document.
func TestInsertDeadLetters(t *testing.T) {
	docs := numbered(t, 40)
	full := errors.New("the dead letter office is full")
	for name, c := range map[string]struct {
		code    int32
		max     int64
		failing error // of the function, for the third document
		want    int   // documents that the function gets; -1: any number
		class   stream.Class
	}{
		"all":              {121, 0, nil, 8, stream.Unclassified},
		"as many as may":   {121, 8, nil, 8, stream.Unclassified},
		"one too many":     {121, 7, nil, 7, stream.Data},
		"function":         {121, 0, full, 3, stream.Unclassified},
		"the disk is full": {14031, 0, nil, 0, stream.Fatal},
	} {
		t.Run(name, func(t *testing.T) {
			srv, coll := serve(t)
			srv.Inject(mongotest.Fault{Command: "insert", WriteErrors: map[int]int32{2: c.code, 5: c.code}})
			var letters []bson.Raw
			r, err := stream.Run(t.Context(), sourceOf(docs, nil), mongosink.Insert(coll, &mongosink.InsertOptions{
				BatchDocuments: 10, Parallelism: 1, MaxRefused: c.max,
				Refused: func(_ context.Context, d mongosink.RefusedDocument) error {
					letters = append(letters, d.Document)
					if string(d.Document) != string(docs[d.Index]) || d.Code != int(c.code) {
						t.Errorf("%+v", d)
					}
					if len(letters) == 3 {
						return c.failing
					}
					return nil
				},
			}))
			switch {
			case len(letters) != c.want, stream.ClassOf(err) != c.class:
				t.Errorf("%d documents, %v (%v)", len(letters), err, stream.ClassOf(err))
			case c.failing != nil && err != c.failing: //nolint:errorlint // unchanged
				t.Errorf("%v", err)
			case err == nil && (r.Inserted != 32 || r.Failed != 8):
				t.Errorf("%+v", r)
			case c.failing == nil && (err == nil) != (c.class == stream.Unclassified):
				t.Errorf("%v", err)
			}
		})
	}
}
