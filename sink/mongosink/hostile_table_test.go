package mongosink_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// replyRow returns a test case in which the server answers an insert of 10 documents with reply.
func replyRow(name string, reply bson.D, want func(error) bool) hostile.Row {
	return hostile.Row{Name: "insert: " + name, Want: want, Run: func(t *testing.T, ctx context.Context) error {
		return insertAgainst(t, ctx, mongotest.Fault{Command: "insert", Reply: raw(t, reply)})
	}}
}

// insertAgainst inserts 10 documents into a server with fault, and checks that the counts claim
// no more than the reply proves.
func insertAgainst(t *testing.T, ctx context.Context, fault mongotest.Fault,
	set ...func(*options.ClientOptions),
) error {
	set = append(set, func(o *options.ClientOptions) { o.SetRetryWrites(false) })
	srv, coll := serve(t, set...)
	srv.Inject(fault)
	srv.Inject(mongotest.Fault{Command: "find", Code: 13}) // nothing can be read back
	r, err := stream.Run(ctx, sourceOf(numbered(t, 10), nil),
		mongosink.Insert(coll, &mongosink.InsertOptions{ContinueOnError: true, RetryTimeout: -1}))
	if r.Inserted < 0 || r.Failed < 0 || r.Unknown < 0 || r.Inserted+r.Failed+r.Unknown > 10 ||
		r.Inserted > int64(len(srv.Documents("shop", "cookies"))) {
		t.Errorf("the result is %+v", r)
	}
	if errors.Is(err, mongosink.ErrOutcomeUnknown) && (r.Unknown == 0 || stream.ClassOf(err) != stream.UnknownOutcome) {
		t.Errorf("%+v, %v", r, stream.ClassOf(err))
	}
	return err
}

func writeErrors(errs ...any) bson.D {
	return bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 9}, {Key: "writeErrors", Value: bson.A(errs)}}
}

func writeError(index any, text string) bson.D {
	return bson.D{{Key: "index", Value: index}, {Key: "code", Value: 11000}, {Key: "errmsg", Value: text}}
}

func TestHostile(t *testing.T) {
	unknown, panicked := hostile.Is(mongosink.ErrOutcomeUnknown), func(err error) bool {
		return errors.Is(err, mongosink.ErrOutcomeUnknown) && hostile.As[*stream.PanicError]()(err)
	}
	rows := []hostile.Row{
		replyRow("an error of the document -1", writeErrors(writeError(-1, "x")), unknown),
		replyRow("an error of the document 2^33", writeErrors(writeError(int64(1)<<33, "x")), unknown),
		replyRow("an error of the document 10 of 10", writeErrors(writeError(10, "x")), unknown),
		replyRow("an error of the least int64", writeErrors(writeError(int64(-1<<63), "x")), unknown),
		replyRow("two errors of one document", writeErrors(writeError(3, "x"), writeError(3, "x")), unknown),
		replyRow("two errors of one document, that are counted once", bson.D{
			{Key: "ok", Value: 1},
			{Key: "n", Value: 8},
			{Key: "writeErrors", Value: bson.A{writeError(3, "x"), writeError(3, "x")}},
		}, unknown),
		replyRow("an error without an index", writeErrors(bson.D{{Key: "code", Value: 11000}}), unknown),
		replyRow("errors that are no documents", writeErrors(1, "two", nil), unknown),
		replyRow("n is larger than what was sent", bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 11}}, unknown),
		replyRow("n is negative", bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: -10}}, unknown),
		replyRow("n is the largest int64", bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: int64(1<<63 - 1)}}, unknown),
		replyRow("n is a text", bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: "10"}}, unknown),
		replyRow("n is missing", bson.D{{Key: "ok", Value: 1}}, unknown),
		replyRow("ok is missing", bson.D{{Key: "n", Value: 10}}, unknown),
		replyRow("an empty document", bson.D{}, unknown),
		replyRow("an operation time that is a text", bson.D{
			{Key: "ok", Value: 1},
			{Key: "n", Value: 10},
			{Key: "operationTime", Value: "x"},
		}, panicked),
		replyRow("a recovery token that is a number", bson.D{
			{Key: "ok", Value: 1},
			{Key: "n", Value: 10},
			{Key: "recoveryToken", Value: 1},
		}, panicked),
		replyRow("an error text of 8 MiB with escapes", bson.D{
			{Key: "ok", Value: 0},
			{Key: "code", Value: 11600},
			{Key: "errmsg", Value: strings.Repeat("\x1b[2J", 2<<20)},
		}, unknown),
		replyRow("a duplicate's text of 2 MiB", writeErrors(writeError(3, strings.Repeat("\x1b]0;k", 400<<10))),
			hostile.Is(mongosink.ErrDuplicate)),
		replyRow("a write concern error of 2 MiB", bson.D{
			{Key: "ok", Value: 1},
			{Key: "n", Value: 10},
			{Key: "writeConcernError", Value: bson.D{
				{Key: "code", Value: 64},
				{Key: "errmsg", Value: strings.Repeat("\u202e", 700<<10)},
			}},
		}, unknown),
		{
			Name: "insert: an _id of 2 MiB that is a duplicate",
			Want: hostile.Is(mongosink.ErrDuplicate),
			Run: func(t *testing.T, ctx context.Context) error {
				srv, coll := serve(t)
				doc := raw(t, bson.D{{Key: "_id", Value: strings.Repeat("k", 2<<20)}})
				srv.Add("shop", "cookies", raw(t, bson.D{
					{Key: "_id", Value: strings.Repeat("k", 2<<20)},
					{Key: "a", Value: 1},
				}))
				_, err := stream.Run(ctx, sourceOf([]bson.Raw{doc}, nil), mongosink.Insert(coll, nil))
				return err
			},
		},
		{
			Name: "insert: a reply that says it has 2 GiB, to a guarded client",
			Want: unknown,
			Run: func(t *testing.T, ctx context.Context) error {
				return insertAgainst(t, ctx, mongotest.Fault{Command: "insert", Wire: func(m []byte) []byte {
					return append([]byte("\xff\xff\xff\x7f"), m[4:]...)
				}}, func(o *options.ClientOptions) { mongosource.Guard(o) })
			},
		},
		{
			Name: "insert: a cluster time that is a text, to a guarded client",
			Want: unknown,
			Run: func(t *testing.T, ctx context.Context) error {
				reply := bson.D{
					{Key: "ok", Value: 1},
					{Key: "n", Value: 10},
					{Key: "$clusterTime", Value: bson.D{{Key: "clusterTime", Value: "x"}}},
				}
				return insertAgainst(t, ctx, mongotest.Fault{Command: "insert", Reply: raw(t, reply)},
					func(o *options.ClientOptions) { mongosource.Guard(o) })
			},
		},
		{
			Name: "insert: a reply that never ends",
			Want: unknown,
			Run: func(t *testing.T, ctx context.Context) error {
				return insertAgainst(t, ctx, mongotest.Fault{
					Command: "insert", Hang: true,
					Wire: func(m []byte) []byte {
						return m[:20]
					},
				},
					func(o *options.ClientOptions) { o.SetTimeout(300 * time.Millisecond) })
			},
		},
		{
			Name: "insert: a reply that is cut",
			Want: unknown,
			Run: func(t *testing.T, ctx context.Context) error {
				return insertAgainst(t, ctx, mongotest.Fault{Command: "insert", Cut: 30})
			},
		},
	}
	hostile.Table(t, rows)
}
