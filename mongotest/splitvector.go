package mongotest

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// splitVector returns the _ids that divide a collection into parts of maxChunkSizeBytes, at most
// maxSplitPoints of them.
func (s *Server) splitVector(req *request, ns string) bson.Raw {
	bad := refuseUnknown("splitVector", req.body, nil, "keyPattern", "maxChunkSizeBytes", "maxSplitPoints")
	if bad != nil {
		return bad
	}
	pattern, _ := req.body.Lookup("keyPattern").DocumentOK()
	if string(pattern) != string(document(bson.D{{Key: "_id", Value: int32(1)}})) || !strings.Contains(ns, ".") {
		return failure(2, "mongotest: splitVector needs a namespace and {_id: 1}")
	}
	size, _ := integer(req.body, "maxChunkSizeBytes")
	if size <= 0 {
		return failure(72, "need to specify the desired max chunk size")
	}
	c := s.data[ns]
	if c == nil {
		return failure(26, "ns not found")
	}
	docs, err := sortDocuments(c.docs, bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: pattern})
	if err != nil {
		return failure(2, err.Error())
	}
	most, limited := integer(req.body, "maxSplitPoints")
	keys, bytes := bson.A{}, 0
	for i, d := range docs {
		if bytes >= size && i > 0 && (!limited || len(keys) < most) {
			keys, bytes = append(keys, bson.D{{Key: "_id", Value: d.Lookup("_id")}}), 0
		}
		bytes += len(d)
	}
	return document(bson.D{{Key: "splitKeys", Value: keys}, ok})
}
