package mongosink

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// maxResends limits how often a batch is passed to the driver again if there was no connection for
// it. When one of several batches in flight loses its connection, the driver closes the connections
// of the others too.
//
// An error without a connection does not prove that a batch was not sent. A driver with a time
// limit repeats a command until the limit. If a repetition finds no connection, and the next one no
// server, the driver reports that, whatever happened to the first attempt
// (x/mongo/driver/operation.go, Execute). Therefore a batch gets its _ids before it is first sent:
// they identify a second copy.
const maxResends = 5

// dropDuplicates removes the duplicate key errors from the reply to a batch that was sent before,
// because an earlier attempt may have stored these documents. unknown has the indexes of the
// duplicates that may be stored. A duplicate of an _id that was made here is not among them: it
// proves that the earlier attempt stored the document. If the batch is ordered, unknown has the
// duplicate and all documents after it.
func (b *batch) dropDuplicates(refused mongo.BulkWriteException) (rest mongo.BulkWriteException, unknown []int) {
	rest = refused
	rest.WriteErrors = nil
	for _, f := range refused.WriteErrors {
		switch {
		case !duplicateCode(f.Code):
			rest.WriteErrors = append(rest.WriteErrors, f)
		case b.ordered:
			for i := f.Index; i < len(b.docs); i++ {
				unknown = append(unknown, i)
			}
		case !b.withoutID[f.Index] || !duplicateID(f.WriteError):
			unknown = append(unknown, f.Index)
		}
	}
	return rest, unknown
}

// duplicateCode reports whether code means that a unique index already has the key.
func duplicateCode(code int) bool { return code == 11000 || code == 11001 || code == 12582 }

// duplicateID reports whether that index is the one on _id.
func duplicateID(e mongo.WriteError) bool {
	if pattern, ok := e.Raw.Lookup("keyPattern").DocumentOK(); ok {
		first, err := pattern.IndexErr(0)
		_, more := pattern.IndexErr(1)
		return err == nil && first.Key() == "_id" && more != nil
	}
	_, index, _ := strings.Cut(e.Message, " index: ")
	return strings.HasPrefix(index, "_id_ ")
}
