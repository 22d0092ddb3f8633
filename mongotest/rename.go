package mongotest

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// renameCollection gives a collection another name. It keeps its UUID; its cursors end. The target
// must not exist, unless dropTarget is true.
func (s *Server) renameCollection(req *request, from string) bson.Raw {
	if bad := refuseUnknown("renameCollection", req.body, nil, "to", "dropTarget"); bad != nil {
		return bad
	}
	to, _ := req.body.Lookup("to").StringValueOK()
	drop, _ := req.body.Lookup("dropTarget").BooleanOK()
	db, name, _ := strings.Cut(to, ".")
	c := s.data[from]
	switch {
	case db == "" || name == "":
		return failure(73, "Invalid target namespace: "+to)
	case c == nil:
		return failure(26, "Source collection "+from+" does not exist")
	case from == to:
		return failure(20, "Can't rename a collection to itself")
	case s.data[to] != nil && !drop:
		return failure(48, "target namespace exists")
	}
	s.remove(to)
	s.forget(from)
	s.logChange(c.db, c.name, bson.D{
		{Key: "operationType", Value: "rename"},
		{Key: "to", Value: bson.D{{Key: "db", Value: db}, {Key: "coll", Value: name}}},
	})
	c.db, c.name = db, name
	s.data[to] = c
	s.order = append(s.order, to)
	return document(bson.D{ok})
}
