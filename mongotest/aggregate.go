package mongotest

import (
	"fmt"
	"math/rand/v2"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// aggregate supports the stages that sources use, and those of CountDocuments.
func (s *Server) aggregate(req *request, ns string) bson.Raw {
	if isChangeStream(req) {
		return s.openChanges(req)
	}
	bad := refuseUnknown("aggregate", req.body, nil, "pipeline", "cursor", "allowDiskUse", "hint", "let",
		"bypassDocumentValidation")
	if bad != nil {
		return bad
	}
	pipeline, isArray := req.body.Lookup("pipeline").ArrayOK()
	list, err := pipeline.Values()
	if !isArray || err != nil {
		return failure(14, "'pipeline' option must be specified as an array")
	}
	v, bad := s.view(req, ns)
	if bad != nil {
		return bad
	}
	if m := s.madeOf(ns); m != nil {
		return s.aggregateMade(ns, v, m, list)
	}
	docs, bad := s.pipeline(ns, v.docs, list)
	if bad != nil {
		return bad
	}
	size, given := integer(bson.Raw(req.body.Lookup("cursor").Value), "batchSize")
	if !given {
		size = firstBatch
	}
	return s.openCursor(v, ns, docs, req.limited(size))
}

// pipeline returns what stages make of docs.
func (s *Server) pipeline(ns string, docs []bson.Raw, stages []bson.RawValue) (_ []bson.Raw, refusal bson.Raw) {
	for i, e := range stages {
		name, operand, ok := only(e)
		if !ok {
			return nil, failure(40323, "A pipeline stage specification object must contain exactly one field.")
		}
		run := stageFuncs[name]
		switch {
		case name == "$collStats" && i > 0:
			return nil, failure(40602, "$collStats is only valid as the first stage in a pipeline.")
		case name == "$collStats":
			run = func(docs []bson.Raw, v bson.RawValue) ([]bson.Raw, error) {
				stats, err := collStats(ns, bytesOf(docs), len(docs), v)
				return []bson.Raw{stats}, err
			}
		case run == nil:
			return nil, failure(40324, fmt.Sprintf("Unrecognized pipeline stage name: '%s' (mongotest)", name))
		}
		var err error
		if docs, err = run(docs, operand); err != nil {
			return nil, failure(2, err.Error())
		}
	}
	return docs, nil
}

// stageFuncs are the stages of a pipeline that turn documents into others.
var stageFuncs = map[string]func([]bson.Raw, bson.RawValue) ([]bson.Raw, error){
	"$match": func(docs []bson.Raw, v bson.RawValue) ([]bson.Raw, error) {
		filter, ok := v.DocumentOK()
		if !ok {
			return nil, unsupported("the $match", v)
		}
		return match(docs, filter)
	},
	"$sort": sortDocuments,
	"$limit": func(docs []bson.Raw, v bson.RawValue) ([]bson.Raw, error) {
		n, ok := v.AsInt64OK()
		if !ok || n <= 0 {
			return nil, fmt.Errorf("the limit must be positive")
		}
		return docs[:min(int(n), len(docs))], nil
	},
	"$skip": func(docs []bson.Raw, v bson.RawValue) ([]bson.Raw, error) {
		n, ok := v.AsInt64OK()
		if !ok || n < 0 {
			return nil, fmt.Errorf("the skip must not be negative")
		}
		return docs[min(int(n), len(docs)):], nil
	},
	"$project": func(docs []bson.Raw, v bson.RawValue) ([]bson.Raw, error) {
		p, err := parseProjection(v)
		if err != nil {
			return nil, err
		}
		return p.all(docs), nil
	},
	"$sample":     sample,
	"$bucketAuto": bucketAuto,
	"$group":      groupCount,
	"$count": func(docs []bson.Raw, v bson.RawValue) ([]bson.Raw, error) {
		field, ok := v.StringValueOK()
		switch {
		case !ok || field == "":
			return nil, fmt.Errorf("the count field must be a non-empty string")
		case len(docs) == 0:
			return nil, nil
		}
		return []bson.Raw{document(bson.D{{Key: field, Value: int32(len(docs))}})}, nil
	},
}

// sample returns n documents at random, each once.
func sample(docs []bson.Raw, v bson.RawValue) ([]bson.Raw, error) {
	d, _ := v.DocumentOK()
	n, given := integer(d, "size")
	if !given || n <= 0 {
		return nil, fmt.Errorf("size argument to $sample must be a positive integer")
	}
	chosen := make([]bson.Raw, 0, min(n, len(docs)))
	for _, i := range rand.Perm(len(docs))[:min(n, len(docs))] {
		chosen = append(chosen, docs[i])
	}
	return chosen, nil
}

// groupCount is the $group of CountDocuments: {_id: constant, n: {$sum: 1}}.
func groupCount(docs []bson.Raw, v bson.RawValue) ([]bson.Raw, error) { return groupOf(len(docs), v) }

// groupOf returns the result of the $group of CountDocuments for a number of documents.
func groupOf(count int, v bson.RawValue) ([]bson.Raw, error) {
	d, _ := v.DocumentOK()
	want := document(bson.D{
		{Key: "_id", Value: int32(1)},
		{Key: "n", Value: bson.D{{Key: "$sum", Value: int32(1)}}},
	})
	switch {
	case string(d) != string(want):
		return nil, unsupported("a $group other than that of CountDocuments", v)
	case count == 0:
		return nil, nil
	}
	return []bson.Raw{document(bson.D{{Key: "_id", Value: int32(1)}, {Key: "n", Value: int32(count)}})}, nil
}

// collStats returns the result of the stage {$collStats: {count: {}}}, with storageStats of the size if
// it is asked for.
func collStats(ns string, size int64, count int, v bson.RawValue) (bson.Raw, error) {
	asked, _ := v.DocumentOK()
	elements, err := asked.Elements()
	if err != nil {
		return nil, err
	}
	out := bson.D{{Key: "ns", Value: ns}}
	for _, e := range elements {
		switch e.Key() {
		case "count":
			out = append(out, bson.E{Key: "count", Value: int32(count)})
		case "storageStats":
			out = append(out, bson.E{Key: "storageStats", Value: bson.D{
				{Key: "size", Value: size}, {Key: "count", Value: int32(count)}, {Key: "storageSize", Value: size},
			}})
		default:
			return nil, unsupported("in $collStats, "+e.Key(), v)
		}
	}
	return document(out), nil
}

func bytesOf(docs []bson.Raw) (n int64) {
	for _, d := range docs {
		n += int64(len(d))
	}
	return n
}

// firstBatch opens a cursor over docs, and returns the reply with the first ones.
func (s *Server) firstBatch(ns string, docs []bson.Raw, size int) bson.Raw {
	return s.openCursor(view{}, ns, docs, size)
}
