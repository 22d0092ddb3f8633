package mongotest

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// dropIndexes removes an index by its name, or all but that on _id ("*").
func (s *Server) dropIndexes(req *request, ns string) bson.Raw {
	const badValue, namespaceNotFound, indexNotFound, invalidOptions = 2, 26, 27, 72
	if bad := refuseUnknown("dropIndexes", req.body, nil, "index"); bad != nil {
		return bad
	}
	c := s.data[ns]
	if c == nil {
		return failure(namespaceNotFound, "ns not found "+ns)
	}
	name, isName := req.body.Lookup("index").StringValueOK()
	switch {
	case !isName:
		return failure(badValue, "mongotest: dropIndexes needs the name of an index")
	case name == "_id_":
		return failure(invalidOptions, "cannot drop _id index")
	}
	before := len(c.allIndexes())
	kept := slices.DeleteFunc(slices.Clone(c.indexes), func(index bson.Raw) bool {
		return name == "*" || index.Lookup("name").StringValue() == name
	})
	if name != "*" && len(kept) == len(c.indexes) {
		return failure(indexNotFound, "index not found with name ["+name+"]")
	}
	c.indexes = kept
	c.resetUnique()
	c.findDuplicate()
	return document(bson.D{{Key: "nIndexesWas", Value: int32(before)}, ok})
}
