package mongosink_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/stream"
)

const bypassField = "bypassEmptyTsReplacement"

// frame returns the document that consists of these elements.
func frame(elements string) bson.Raw {
	d := append([]byte{0, 0, 0, 0}, elements+"\x00"...)
	binary.LittleEndian.PutUint32(d, uint32(len(d)))
	return d
}

// empty is a document with a Timestamp(0, 0) at its top level.
func empty(t testing.TB, id any) bson.Raw {
	t.Helper()
	return raw(t, bson.D{{Key: "_id", Value: id}, {Key: "t", Value: bson.Timestamp{}}})
}

// Documents are stored byte for byte, unusual ones too.
func TestInsertBytes(t *testing.T) {
	var docs []bson.Raw
	for i, body := range []string{
		// an empty key
		"\x10\x00\x01\x00\x00\x00",
		// a key like an operator
		"\x10$set\x00\x01\x00\x00\x00",
		// a dot
		"\x10a.b\x00\x01\x00\x00\x00",
		// a key twice
		"\x10a\x00\x01\x00\x00\x00\x10a\x00\x02\x00\x00\x00",
		// invalid UTF-8
		"\x02a\x00\x03\x00\x00\x00\xff\xfe\x00",
		// in a key
		"\x10\xff\xfe\x00\x01\x00\x00\x00",
		// an array whose index is 7
		"\x04a\x00\x0c\x00\x00\x00\x107\x00\x01\x00\x00\x00\x00",
		// a NaN with a payload
		"\x01a\x00\x01\x00\x00\x00\x00\x00\xf0\x7f",
		// undefined, symbol, MinKey, MaxKey
		"\x06a\x00\x0ea\x00\x02\x00\x00\x00x\x00\xff-\x00\x7f+\x00",
		// a regular expression with unsorted options
		"\x0ba\x00r\x00xi\x00",
		// Timestamp(0, 0), which servers replace
		"\x11a\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		// twice, once without a name
		"\x11\x00\x00\x00\x00\x00\x00\x00\x00\x00\x11a\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		// in a document
		"\x03a\x00\x10\x00\x00\x00\x11a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		// Timestamp(1, 0), Timestamp(0, 1)
		"\x11a\x00\x00\x00\x00\x00\x01\x00\x00\x00\x11b\x00\x01\x00\x00\x00\x00\x00\x00\x00",
		// an _id in a document, date 0
		"\x03a\x00\x11\x00\x00\x00\x10_id\x00\x01\x00\x00\x00\x06b\x00\x00\x09d\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		docs = append(docs, frame("\x07_id\x00abcdefghijk"+string(rune('a'+i))+body))
	}
	docs = append(docs, raw(t, bson.D{{Key: "_id", Value: bson.Timestamp{}}, {Key: "a", Value: 1}}),
		frame("\x10_id\x00\x01\x00\x00\x00"))
	srv, coll := serve(t)
	r, err := stream.Run(t.Context(), sourceOf(docs, nil),
		mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 3}))
	if got := srv.Documents("shop", "cookies"); err != nil || !equal(got, docs) || r.Inserted != int64(len(docs)) {
		t.Errorf("%+v, %v; stored: %v", r, err, got)
	}
}

// The field goes only with the batches that need it: a server that does not know the field accepts
// the others.
func TestInsertBypassOnlyWhereNeeded(t *testing.T) {
	docs := numbered(t, 30)
	docs[11] = empty(t, 11)
	srv, coll := serve(t)
	if _, err := stream.Run(t.Context(), sourceOf(docs, nil),
		mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 10, Ordered: true})); err != nil {
		t.Fatal(err)
	}
	var sent []string
	for _, c := range srv.Commands("insert") {
		if c.Docs > 0 {
			sent = append(sent, c.Body.Lookup(bypassField).String())
		}
	}
	if got := strings.Join(sent, ","); got != ",true," || !equal(srv.Documents("shop", "cookies"), docs) {
		t.Errorf("the batches said %q", got)
	}
}

// A server that does not prove that it keeps Timestamp(0, 0) gets no such document.
func TestInsertEmptyTimestampRefused(t *testing.T) {
	doc := empty(t, "bad")
	for name, c := range map[string]struct {
		before int64
		set    func(*mongotest.Server)
	}{
		"too old":           {20, func(s *mongotest.Server) { s.RefuseField(bypassField) }},
		"ignores fields":    {20, func(s *mongotest.Server) { s.RefuseField(bypassField); s.IgnoreUnknownFields() }},
		"knows every field": {20, func(s *mongotest.Server) { s.IgnoreUnknownFields() }},
		"takes every insert": {0, func(s *mongotest.Server) {
			s.Inject(mongotest.Fault{
				Command: "insert",
				Reply:   raw(t, bson.D{{Key: "n", Value: 0}, {Key: "ok", Value: 1}}),
			})
		}},
		"not allowed": {0, func(s *mongotest.Server) { s.Inject(mongotest.Fault{Command: "insert", Code: 13}) }},
	} {
		t.Run(name, func(t *testing.T) {
			srv, coll := serve(t)
			c.set(srv)
			docs := append(numbered(t, int(c.before)), doc)
			r, err := stream.Run(t.Context(), sourceOf(docs, nil),
				mongosink.Insert(coll, &mongosink.InsertOptions{BatchDocuments: 10}))
			var bad *mongosink.DocumentError
			if !errors.Is(err, mongosink.ErrEmptyTimestamp) || !errors.As(err, &bad) || bad.Index != c.before ||
				bad.ID.StringValue() != "bad" || stream.ClassOf(err) != stream.Data {
				t.Errorf("%v (%v), %+v", err, stream.ClassOf(err), bad)
			}
			if stored := srv.Documents("shop", "cookies"); !equal(stored, docs[:c.before]) || r.Inserted != c.before ||
				r.Unknown != 0 {
				t.Errorf("%d are stored; %+v", len(stored), r)
			}
		})
	}
	if err := failing(t, doc, &inserter{}); !errors.Is(err, mongosink.ErrEmptyTimestamp) {
		t.Errorf("a collection that cannot be asked: %v", err)
	}
}

// failing returns the error of an insert of doc into a fake collection, which must get nothing.
func failing(t *testing.T, doc bson.Raw, f *inserter) error {
	t.Helper()
	_, err := stream.Run(t.Context(), sourceOf([]bson.Raw{doc}, nil), mongosink.InsertBy(f.command, nil))
	if len(f.batches) > 0 {
		t.Errorf("sent: %v", f.batches)
	}
	return err
}

// With AllowEmptyTimestamps, documents with a Timestamp(0, 0) go to any server. The sink still asks
// a server that can keep the value to do so.
func TestInsertEmptyTimestampAllowed(t *testing.T) {
	doc := empty(t, 1)
	for _, old := range []bool{false, true} {
		srv, coll := serve(t)
		if old {
			srv.RefuseField(bypassField)
		}
		r, err := stream.Run(t.Context(), sourceOf([]bson.Raw{doc}, nil),
			mongosink.Insert(coll, &mongosink.InsertOptions{AllowEmptyTimestamps: true}))
		if err != nil || r.Inserted != 1 || equal(srv.Documents("shop", "cookies"), []bson.Raw{doc}) == old {
			t.Errorf("an old server: %v; %+v, %v", old, r, err)
		}
	}
}

// A failure to ask the server ends the run with the class of that failure. It does not count as a
// refusal of the document.
func TestInsertEmptyTimestampNotAsked(t *testing.T) {
	for name, c := range map[string]struct {
		fault mongotest.Fault
		class stream.Class
	}{
		"closed":      {mongotest.Fault{Close: true}, stream.Retryable},
		"reset":       {mongotest.Fault{Close: true, Reset: true}, stream.Retryable},
		"not primary": {mongotest.Fault{Code: 10107}, stream.Retryable},
		"overloaded":  {mongotest.Fault{Code: 462, Labels: []string{"SystemOverloadedError"}}, stream.Throttled},
	} {
		srv, coll := serve(t)
		c.fault.Command = "insert"
		srv.Inject(c.fault)
		r, err := stream.Run(t.Context(), sourceOf([]bson.Raw{empty(t, 1)}, nil), mongosink.Insert(coll, nil))
		if stream.ClassOf(err) != c.class || errors.Is(err, mongosink.ErrEmptyTimestamp) ||
			r != (mongosink.InsertResult{}) {
			t.Errorf("%s: %v (%v), %+v", name, err, stream.ClassOf(err), r)
		}
	}
}

// In a transaction, a failing command would end it: the sink asks the server outside the session.
func TestInsertEmptyTimestampInSession(t *testing.T) {
	docs := []bson.Raw{empty(t, 1), empty(t, 2)}
	srv, coll := serve(t)
	ctx := withSession(t, coll)
	if _, err := stream.Run(ctx, sourceOf(docs, nil), mongosink.Insert(coll, nil)); err != nil ||
		!equal(srv.Documents("shop", "cookies"), docs) {
		t.Error(err)
	}
	own := mongo.SessionFromContext(ctx).ID()
	for _, c := range srv.Commands("insert") {
		if session := c.Body.Lookup("lsid").Document(); (string(session) == string(own)) != (c.Docs > 0) {
			t.Errorf("%d documents in session %v", c.Docs, session)
		}
	}
}

// An _id that is not the first field is refused, or moved there if MoveID is set. Two are always
// refused.
func TestInsertIDNotFirst(t *testing.T) {
	last := raw(t, bson.D{{Key: "a", Value: 1}, {Key: "b", Value: bson.Timestamp{}}, {Key: "_id", Value: "last"}})
	moved := raw(t, bson.D{{Key: "_id", Value: "last"}, {Key: "a", Value: 1}, {Key: "b", Value: bson.Timestamp{}}})
	twice := raw(t, bson.D{{Key: "_id", Value: "first"}, {Key: "_id", Value: "second"}})
	for _, allowed := range []bool{false, true} {
		for _, doc := range []bson.Raw{last, twice} {
			srv, coll := serve(t)
			r, err := stream.Run(t.Context(), sourceOf([]bson.Raw{doc}, nil),
				mongosink.Insert(coll, &mongosink.InsertOptions{MoveID: allowed}))
			stored := fmt.Sprint(srv.Documents("shop", "cookies"))
			var bad *mongosink.DocumentError
			switch {
			case allowed && string(doc) == string(last):
				if err != nil || r.Inserted != 1 || r.Bytes != int64(len(last)) ||
					stored != fmt.Sprint([]bson.Raw{moved}) {
					t.Errorf("allowed: %v, %+v; stored %v", err, r, stored)
				}
			case !errors.Is(err, mongosink.ErrIDNotFirst) || !errors.As(err, &bad) || bad.Index != 0 ||
				stream.ClassOf(err) != stream.Data || stored != "[]":
				t.Errorf("%v: %v; stored %v", doc, err, stored)
			}
		}
	}
}
