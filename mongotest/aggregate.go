package mongotest

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// aggregate supports pipelines of $match stages, and the pipeline of CountDocuments: [{$match: …},
// {$group: {_id: 1, n: {$sum: 1}}}].
func (s *Server) aggregate(req *request, ns string) bson.Raw {
	pipeline, _ := req.body.Lookup("pipeline").ArrayOK()
	stages, _ := pipeline.Values()
	counts := bson.Raw(document(bson.D{{Key: "$group", Value: bson.D{
		{Key: "_id", Value: int32(1)},
		{Key: "n", Value: bson.D{{Key: "$sum", Value: int32(1)}}},
	}}}))
	count := len(stages) == 2 && string(stages[1].Value) == string(counts)
	if count {
		stages = stages[:1]
	}
	var docs []bson.Raw
	if c := s.data[ns]; c != nil {
		docs = slices.Clone(c.docs)
	}
	for _, stage := range stages {
		name, filter, ok := only(stage)
		if !ok || name != "$match" || filter.Type != bson.TypeEmbeddedDocument {
			return failure(2, "mongotest: the only pipelines it knows are of $match, and that of CountDocuments")
		}
		var err error
		if docs, err = match(docs, filter.Value); err != nil {
			return failure(2, err.Error())
		}
	}
	if count {
		docs = counted(len(docs))
	}
	size, given := integer(bson.Raw(req.body.Lookup("cursor").Value), "batchSize")
	if !given {
		size = firstBatch
	}
	return s.firstBatch(ns, docs, size)
}

// counted returns the result of counting n documents.
func counted(n int) []bson.Raw {
	if n == 0 {
		return nil
	}
	return []bson.Raw{document(bson.D{{Key: "_id", Value: int32(1)}, {Key: "n", Value: int32(n)}})}
}

// firstBatch opens a cursor over docs, and returns the reply with the first ones.
func (s *Server) firstBatch(ns string, docs []bson.Raw, size int) bson.Raw {
	s.nextID++
	reply, taken := batch("firstBatch", ns, s.nextID, docs, size)
	if taken < len(docs) {
		s.cursors[s.nextID] = &cursor{ns: ns, docs: docs[taken:]}
	}
	return reply
}
