package mongosource

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Event is one change, as [Watch] emits it. The documents are parts of Raw, byte for byte as the
// server sent them. A field that the event does not have is nil or zero.
type Event struct {
	Operation Operation
	Namespace Namespace // of the document, collection or database that changed
	To        Namespace // the new name, after OpRename

	Key      bson.Raw // the _id of the document, and its shard key
	Document bson.Raw // the document after the change, see [WatchOptions].FullDocument
	Before   bson.Raw // the document before the change, see [WatchOptions].BeforeImage

	// Update describes an OpUpdate: updatedFields, removedFields, truncatedArrays. A path such as
	// "a.0" may mean the field 0 of a document or of an array. With ExpandedEvents, the server adds
	// disambiguatedPaths for such paths; some servers leave it empty.
	Update bson.Raw

	ClusterTime bson.Timestamp
	WallTime    time.Time   // of the server; zero before MongoDB 6.0
	Transaction Transaction // that made the change

	Raw      bson.Raw       // the whole event; the joined fragments of a split one
	Position ChangePosition // after the event
}

// Operation says what an [Event] is. Servers have more operations than the constants below.
type Operation string

// The operations of a server without ExpandedEvents, and OpHeartbeat.
const (
	OpInsert       Operation = "insert"
	OpUpdate       Operation = "update"
	OpReplace      Operation = "replace"
	OpDelete       Operation = "delete"
	OpDrop         Operation = "drop"
	OpRename       Operation = "rename"
	OpDropDatabase Operation = "dropDatabase"
	OpInvalidate   Operation = "invalidate" // the last event of a stream, see [ErrInvalidated]

	// OpHeartbeat is an event that [Watch] makes: nothing has changed, but the position has moved.
	// It has no other field.
	OpHeartbeat Operation = "heartbeat"
)

// Namespace names a collection, or a database if Collection is empty.
type Namespace struct{ Database, Collection string }

// String returns the name as "database.collection".
func (n Namespace) String() string {
	if n.Collection == "" {
		return n.Database
	}
	return n.Database + "." + n.Collection
}

// Transaction identifies a transaction. The zero value means none.
type Transaction struct {
	Session string // the bytes of lsid
	Number  int64  // txnNumber
}

// parseEvent returns the event of a server's document, without its position. A field of another type
// than expected stays zero: a pipeline may change any field except the _id.
func parseEvent(doc bson.Raw) (e Event, err error) {
	elements, err := doc.Elements()
	if err != nil {
		return e, err
	}
	e.Raw = doc
	for _, element := range elements {
		v := element.Value()
		switch element.Key() {
		case "operationType":
			name, _ := v.StringValueOK()
			e.Operation = Operation(name)
		case "ns":
			e.Namespace = parseNamespace(v)
		case "to":
			e.To = parseNamespace(v)
		case "documentKey":
			e.Key, _ = v.DocumentOK()
		case "fullDocument":
			e.Document, _ = v.DocumentOK()
		case "fullDocumentBeforeChange":
			e.Before, _ = v.DocumentOK()
		case "updateDescription":
			e.Update, _ = v.DocumentOK()
		case "clusterTime":
			e.ClusterTime.T, e.ClusterTime.I, _ = v.TimestampOK()
		case "wallTime":
			if ms, ok := v.DateTimeOK(); ok {
				e.WallTime = time.UnixMilli(ms).UTC()
			}
		case "lsid":
			session, _ := v.DocumentOK()
			e.Transaction.Session = string(session)
		case "txnNumber":
			e.Transaction.Number, _ = v.AsInt64OK()
		}
	}
	return e, nil
}

func parseNamespace(v bson.RawValue) (n Namespace) {
	doc, _ := v.DocumentOK()
	n.Database, _ = doc.Lookup("db").StringValueOK()
	n.Collection, _ = doc.Lookup("coll").StringValueOK()
	return n
}
