package mongosink

import (
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// verb is what the statements of a command do.
type verb int

const (
	inserts verb = iota
	replaces
	updates
	deletes
	updatesOfMany // servers know no number for these two: they are not repeated
	deletesOfMany
	verbs // their number
)

// commands has the name of each verb's command, and of its list of statements.
var commands = [verbs]struct{ name, list string }{
	inserts: {"insert", "documents"}, replaces: {"update", "updates"}, updates: {"update", "updates"},
	deletes: {"delete", "deletes"}, updatesOfMany: {"update", "updates"}, deletesOfMany: {"delete", "deletes"},
}

// ofMany reports whether one statement may change many documents.
func (v verb) ofMany() bool { return v == updatesOfMany || v == deletesOfMany }

// settings are the fields that all commands of a run have.
type settings struct {
	collection   string
	ordered      bool
	writeConcern any // nil leaves it to the server, or to the transaction
	comment      any
	bypass       bool // of the document validation
}

// header returns the bytes of a command up to its list of statements.
func (s *settings) header(v verb) ([]byte, error) {
	c := commands[v]
	fields := bson.D{{Key: c.name, Value: s.collection}, {Key: "ordered", Value: s.ordered}}
	if s.writeConcern != nil {
		fields = append(fields, bson.E{Key: "writeConcern", Value: s.writeConcern})
	}
	if s.comment != nil {
		fields = append(fields, bson.E{Key: "comment", Value: s.comment})
	}
	if s.bypass && c.name != "delete" {
		fields = append(fields, bson.E{Key: "bypassDocumentValidation", Value: true})
	}
	raw, err := bson.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("the comment: %w", err)
	}
	if len(raw) > maxOverhead {
		return nil, fmt.Errorf("a comment of some %d bytes; it must be less than %d", len(raw), maxOverhead)
	}
	raw = append(raw[:len(raw)-1], byte(bson.TypeArray))
	return append(append(raw, c.list...), 0, 0, 0, 0, 0), nil
}
