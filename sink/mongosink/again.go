package mongosink

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// maxAgain is how often a batch is handed to the driver again when there was no connection to send it on: where one of several batches
// in flight loses its connection, the driver takes those of the others away too.
//
// That a batch is told to have had no connection does not prove that it never left. A driver with a time limit repeats a command until the
// time is out, and where a repetition had no connection and the next one no server, that is what it reports, whatever
// became of the first try (x/mongo/driver/operation.go, Execute). So a batch has its _ids before it is sent at all, and is known
// by them when it comes twice.
const maxAgain = 5

// unhurried returns a context that ends with ctx and has its values, but no deadline: one would make the driver repeat a command without
// end. A limit of the client has the same effect, and cannot be seen from here.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); !has {
		return ctx, func() {}
	}
	u, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	return u, func() {
		stop()
		cancel()
	}
}

// recall looks through the answer to a batch that was sent before, and takes the duplicates out of it: an earlier try may have stored
// them. Of those with an _id of ours it has; unknown are the indexes of the others and, where Ordered stopped at
// one, of all behind it.
func (b *batch) recall(refused mongo.BulkWriteException, ordered bool) (rest mongo.BulkWriteException, unknown []int) {
	rest = refused
	rest.WriteErrors = nil
	for _, f := range refused.WriteErrors {
		switch {
		case !duplicateCode(f.Code):
			rest.WriteErrors = append(rest.WriteErrors, f)
		case ordered:
			for i := f.Index; i < len(b.docs); i++ {
				unknown = append(unknown, i)
			}
		case !b.withoutID[f.Index] || !duplicateID(f.WriteError):
			unknown = append(unknown, f.Index)
		}
	}
	return rest, unknown
}

// duplicateCode tells whether code says that a unique index has the key already.
func duplicateCode(code int) bool { return code == 11000 || code == 11001 || code == 12582 }

// duplicateID tells whether it was the index of _id.
func duplicateID(e mongo.WriteError) bool {
	if pattern, ok := e.Raw.Lookup("keyPattern").DocumentOK(); ok {
		first, err := pattern.IndexErr(0)
		_, more := pattern.IndexErr(1)
		return err == nil && first.Key() == "_id" && more != nil
	}
	_, index, _ := strings.Cut(e.Message, " index: ")
	return strings.HasPrefix(index, "_id_ ")
}
