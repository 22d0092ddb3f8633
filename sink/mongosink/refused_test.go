package mongosink_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// A batch is carried out, its reply is lost, and the driver's repetition is refused: for a reason that the first try would have met too, or for one
// that came up meanwhile. Only the refusal comes back.
func TestInsertRepetitionRefused(t *testing.T) {
	for _, code := range []int32{13, 18, 20, 26, 391, 8000, 11600, 50} {
		srv, coll := serve(t)
		srv.Inject(mongotest.Fault{Command: "insert", Nth: 1, Lose: true})
		srv.Inject(mongotest.Fault{Command: "insert", Nth: 2, Code: code, Text: "not as things are now"})
		r, err := stream.Run(t.Context(), of(numbered(t, 10), nil), mongosink.Insert(coll, nil))
		var server mongo.CommandError
		if n := len(srv.Documents("shop", "cookies")); n != 10 || r != (mongosink.InsertResult{Unknown: 10}) ||
			!errors.Is(err, mongosink.ErrOutcomeUnknown) ||
			!errors.As(err, &server) || server.Code != code {
			t.Errorf("%d: %d are stored; %+v, %v", code, n, r, err)
		}
	}
}

// The driver sends a batch in parts where the server takes fewer documents at once: the first part is stored, the second refused, and
// only the refusal comes back.
func TestInsertPartRefused(t *testing.T) {
	for _, fault := range []mongotest.Fault{
		{Code: 13},
		{Code: 8000},
		{Code: 91, Labels: []string{"NoWritesPerformed"}},
	} {
		srv, coll := serve(t)
		srv.LimitBatches(5)
		fault.Command, fault.Nth = "insert", 2
		srv.Inject(fault)
		r, err := stream.Run(t.Context(), of(numbered(t, 10), nil), mongosink.Insert(coll, nil))
		if n := len(srv.Documents("shop", "cookies")); n != 5 || r != (mongosink.InsertResult{Unknown: 10}) ||
			!errors.Is(err, mongosink.ErrOutcomeUnknown) {
			t.Errorf("%+v: %d are stored; %+v, %v", fault, n, r, err)
		}
	}
}

// What the server says comes first, what follows from it for the documents after it.
func TestInsertRefusedText(t *testing.T) {
	const said = "not authorized on shop to execute command"
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "insert", Code: 13, Text: said})
	_, err := stream.Run(t.Context(), of(numbered(t, 10), nil), mongosink.Insert(coll, nil))
	text := fmt.Sprint(err)
	if first := strings.Index(text, said); first < 0 ||
		first > strings.Index(text, mongosink.ErrOutcomeUnknown.Error()) {
		t.Error(text)
	}
}
