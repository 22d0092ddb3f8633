package mongotest

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// splitVector returns the _ids that divide a collection into parts of half of maxChunkSizeBytes, at
// most maxSplitPoints of them. As mongod does, it counts documents of the average size, and puts at
// most maxChunkObjects into a part, by default 250,000.
func (s *Server) splitVector(req *request, ns string) bson.Raw {
	bad := refuseUnknown("splitVector", req.body, nil, "keyPattern", "maxChunkSizeBytes", "maxChunkObjects",
		"maxSplitPoints")
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
	objects, given := integer(req.body, "maxChunkObjects")
	if !given {
		objects = 250_000
	}
	most, limited := integer(req.body, "maxSplitPoints")
	if c.made != nil {
		keys := bson.A{}
		for _, id := range c.made.splitKeys(size/2, objects) {
			if !limited || len(keys) < most {
				keys = append(keys, bson.D{{Key: "_id", Value: id}})
			}
		}
		return document(bson.D{{Key: "splitKeys", Value: keys}, ok})
	}
	docs, err := sortDocuments(c.docs, bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: pattern})
	if err != nil {
		return failure(2, err.Error())
	}
	keys := bson.A{}
	for i := 0; ; {
		i += max(min(documentsIn(size/2, docs), objects), 1)
		if i >= len(docs) || limited && len(keys) == most {
			break
		}
		keys = append(keys, bson.D{{Key: "_id", Value: docs[i].Lookup("_id")}})
	}
	return document(bson.D{{Key: "splitKeys", Value: keys}, ok})
}

// documentsIn returns the number of documents of the average size of docs in a number of bytes. It is
// all of them if docs have less than twice the bytes, which is not enough for two parts.
func documentsIn(bytes int, docs []bson.Raw) int {
	sum := int(bytesOf(docs))
	if sum < 2*bytes || sum == 0 {
		return len(docs)
	}
	return bytes / (sum / len(docs))
}
