package mongotest

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// renameCollection gives a collection another name. It keeps its UUID; its cursors end. The target
// must not exist, unless dropTarget is true or its UUID. collectionUUID is the UUID that the collection
// must have; [Server.RefuseField] makes it unknown.
func (s *Server) renameCollection(req *request, from string) bson.Raw {
	bad := refuseUnknown("renameCollection", req.body, s.unknown, "to", "dropTarget", "collectionUUID")
	if bad != nil && !s.lenient {
		return bad
	}
	to, _ := req.body.Lookup("to").StringValueOK()
	drop, _ := req.body.Lookup("dropTarget").BooleanOK()
	db, name, _ := strings.Cut(to, ".")
	c := s.data[from]
	expected, target := req.body.Lookup("collectionUUID"), req.body.Lookup("dropTarget")
	drop = drop || target.Type == bson.TypeBinary
	if s.unknown["collectionUUID"] {
		expected, target = bson.RawValue{}, bson.RawValue{}
	}
	switch {
	case db == "" || name == "":
		return failure(73, "Invalid target namespace: "+to)
	case !c.hasUUID(expected):
		return uuidMismatch(from, expected)
	case target.Type == bson.TypeBinary && !s.data[to].hasUUID(target):
		return uuidMismatch(to, target)
	case c == nil:
		return failure(26, "Source collection "+from+" does not exist")
	case c.kind == viewType:
		return failure(166, "Namespace "+from+" is a view, not a collection")
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

// hasUUID reports whether c, which may be nil, has this UUID. The zero value stands for any.
func (c *collection) hasUUID(v bson.RawValue) bool {
	_, data, given := v.BinaryOK()
	return !given || c != nil && string(c.uuid[:]) == string(data)
}

// uuidMismatch is the refusal of a command that names a collection with another UUID.
func uuidMismatch(ns string, want bson.RawValue) bson.Raw {
	return document(bson.D{
		{Key: "ok", Value: 0.0},
		{Key: "errmsg", Value: "Collection UUID does not match that specified"},
		{Key: "code", Value: int32(361)},
		{Key: "codeName", Value: "CollectionUUIDMismatch"},
		{Key: "collectionUUID", Value: want},
		{Key: "expectedCollection", Value: ns},
	})
}
