package mongosink

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// A batch fails for a transient reason after another one was executed. If that one has no receipt
// and cannot be repeated, neither can the run.
func TestReceiptsClass(t *testing.T) {
	named := func(i int) Write { return InsertOne(bson.D{{Key: "_id", Value: i}}) }
	nameless := func(i int) Write { return InsertOne(bson.D{{Key: "n", Value: i}}) }
	inc := func(i int) Write {
		return UpdateOne(bson.D{{Key: "_id", Value: i}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}})
	}
	for name, c := range map[string]struct {
		write  func(int) Write
		failed int // the batch that fails, after the other one was executed
		class  stream.Class
	}{
		"nameless, no receipt":     {nameless, 0, stream.UnknownOutcome},
		"update, no receipt":       {inc, 0, stream.UnknownOutcome},
		"_ids, no receipt":         {named, 0, stream.Throttled},
		"nameless, with a receipt": {nameless, 1, stream.Throttled},
		"update, with a receipt":   {inc, 1, stream.Throttled},
	} {
		t.Run(name, func(t *testing.T) {
			released := make(chan struct{}) // when the other batch was executed, or has its receipt
			command := func(ctx context.Context, command bson.Raw) (bson.Raw, error) {
				var key string
				switch command.Index(0).Key() {
				case "insert":
					key = "documents"
				case "update":
					key = "updates"
				case "listCollections":
					return bson.Marshal(bson.D{{Key: "cursor", Value: bson.D{{Key: "firstBatch", Value: bson.A{}}}}})
				default:
					return bson.Marshal(bson.D{{Key: "ok", Value: 1}})
				}
				if batchOf(command.Lookup(key, "0").Document()) == c.failed {
					<-released
					return nil, mongo.CommandError{Code: 16500}
				}
				if c.failed == 0 {
					defer close(released)
				}
				return bson.Marshal(bson.D{{Key: "n", Value: 1}, {Key: "ok", Value: 1}})
			}
			w, err := newInsert(target{collection: "cookies", command: command},
				&InsertOptions{BatchDocuments: 1, Parallelism: 2, RetryTimeout: -1}, "bulk", "Bulk")
			flow := receipts[int](w, err, writeReceipts)
			type element = stream.Envelope[Write, stream.Checkpoint[int]]
			err = stream.Via(source.Of(element{Value: c.write(0)}, element{Value: c.write(1)}), flow).Each(t.Context(),
				func(stream.Envelope[WriteResult, stream.Checkpoint[int]]) error {
					close(released)
					return nil
				})
			var said mongo.CommandError
			if !errors.As(err, &said) || stream.ClassOf(err) != c.class {
				t.Errorf("%v (%v), want %v", err, stream.ClassOf(err), c.class)
			}
		})
	}
}

// batchOf returns the number in a statement of TestReceiptsClass.
func batchOf(statement bson.Raw) int {
	for _, path := range [][]string{{"q", "_id"}, {"n"}, {"_id"}} {
		if n, ok := statement.Lookup(path...).Int32OK(); ok {
			return int(n)
		}
	}
	return -1
}
