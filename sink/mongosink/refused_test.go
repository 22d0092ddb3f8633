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

// The server carries out a batch, the reply is lost, and the server refuses the driver's
// repetition: for a reason that would also have stopped the first attempt, or for one that came up
// later. The driver returns only the refusal.
func TestInsertRepetitionRefused(t *testing.T) {
	for _, code := range []int32{13, 18, 20, 26, 391, 8000, 11600, 50} {
		srv, coll := serve(t)
		srv.Inject(mongotest.Fault{Command: "insert", Nth: 1, Lose: true})
		srv.Inject(mongotest.Fault{Command: "insert", Nth: 2, Code: code, Text: "not as things are now"})
		r, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil), mongosink.Insert(coll, nil))
		var server mongo.CommandError
		if n := len(srv.Documents("shop", "cookies")); n != 10 || r != (mongosink.InsertResult{Unknown: 10}) ||
			!errors.Is(err, mongosink.ErrOutcomeUnknown) ||
			!errors.As(err, &server) || server.Code != code {
			t.Errorf("%d: %d are stored; %+v, %v", code, n, r, err)
		}
	}
}

// The error text begins with the server's message. The conclusion about the documents follows.
func TestInsertRefusedText(t *testing.T) {
	const said = "not authorized on shop to execute command"
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "insert", Code: 13, Text: said})
	_, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil), mongosink.Insert(coll, nil))
	text := fmt.Sprint(err)
	if first := strings.Index(text, said); first < 0 ||
		first > strings.Index(text, mongosink.ErrOutcomeUnknown.Error()) {
		t.Error(text)
	}
}
