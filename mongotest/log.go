package mongotest

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// lists are the fields of commands that write with their statements. A client may send them as a
// separate section of the message.
var lists = map[string]string{"insert": "documents", "update": "updates", "delete": "deletes"}

// logged returns the entry of the log for req.
func logged(req *request) Command {
	c := Command{Name: req.name, DB: req.db, Docs: len(req.docs), Size: req.size}
	list := lists[req.name]
	body := make([]byte, 4, 256)
	for rest := []byte(req.body[4 : len(req.body)-1]); len(rest) > 0; {
		e, tail, ok := bsoncore.ReadElement(rest)
		if !ok {
			break
		}
		rest = tail
		if statements, isArray := e.Value().ArrayOK(); isArray && e.Key() == list {
			values, _ := statements.Values()
			c.Docs += len(values)
			continue
		}
		body = append(body, e...)
	}
	c.Body = bson.Raw(end(body, 0))
	return c
}

// statements returns the statements of a command that writes.
func (r *request) statements() []bson.Raw {
	docs := r.docs
	if a, isArray := r.body.Lookup(lists[r.name]).ArrayOK(); isArray {
		values, _ := a.Values()
		for _, v := range values {
			docs = append(docs, v.Value)
		}
	}
	return docs
}
