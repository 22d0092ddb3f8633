package mongosink_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

// The server carries out a batch, the reply is lost, and the server refuses the repetition: for a
// reason that would also have stopped the first attempt, or for one that came up later. Reading back
// settles the outcome. If that is refused too, the outcome is unknown.
func TestInsertRepetitionRefused(t *testing.T) {
	t.Parallel()
	for _, code := range []int32{13, 18, 20, 26, 391, 8000} {
		for _, readable := range []bool{true, false} {
			srv, coll := serve(t)
			srv.Inject(mongotest.Fault{Command: "insert", Nth: 1, Lose: true})
			srv.Inject(mongotest.Fault{Command: "insert", Nth: 2, Code: code, Text: "not as things are now"})
			want := mongosink.InsertResult{Inserted: 10, Bytes: size(numbered(t, 10))}
			if !readable {
				srv.Inject(mongotest.Fault{Command: "find", Code: 13})
				want = mongosink.InsertResult{Unknown: 10}
			}
			r, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil), mongosink.Insert(coll, nil))
			var server mongo.CommandError
			if n := len(srv.Documents("shop", "cookies")); n != 10 || r != want || (err == nil) != readable ||
				errors.Is(err, mongosink.ErrOutcomeUnknown) == readable ||
				!readable && (!errors.As(err, &server) || server.Code != code) {
				t.Errorf("%d: %d are stored; %+v, %v", code, n, r, err)
			}
		}
	}
}

// Every attempt gets a reply, and none of them executes anything: the documents are not stored.
func TestInsertAlwaysRefused(t *testing.T) {
	for _, code := range []int32{50, 262, 11601} {
		srv, coll := serve(t)
		srv.Inject(mongotest.Fault{Command: "insert", Code: code})
		r, err := stream.Run(t.Context(), sourceOf(numbered(t, 4000), nil),
			mongosink.Insert(coll, &mongosink.InsertOptions{RetryTimeout: 50 * time.Millisecond}))
		if r != (mongosink.InsertResult{}) || errors.Is(err, mongosink.ErrOutcomeUnknown) ||
			stream.ClassOf(err) == stream.UnknownOutcome || err == nil {
			t.Errorf("%d: %+v, %v", code, r, err)
		}
	}
}

// The error text begins with the server's message. The conclusion about the documents follows.
func TestInsertRefusedText(t *testing.T) {
	const said = "not authorized on shop to execute command"
	srv, coll := serve(t)
	srv.Inject(mongotest.Fault{Command: "insert", Nth: 1, Lose: true})
	srv.Inject(mongotest.Fault{Command: "insert", Code: 13, Text: said})
	srv.Inject(mongotest.Fault{Command: "find", Code: 13})
	_, err := stream.Run(t.Context(), sourceOf(numbered(t, 10), nil), mongosink.Insert(coll, nil))
	text := fmt.Sprint(err)
	if first := strings.Index(text, said); first < 0 ||
		first > strings.Index(text, mongosink.ErrOutcomeUnknown.Error()) {
		t.Error(text)
	}
}
