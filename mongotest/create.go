package mongotest

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The kinds of collections, as listCollections names them.
const (
	plainType      = "collection"
	viewType       = "view"
	timeSeriesType = "timeseries"
)

// createOptions are the options of the command create that the server keeps and lists. It enforces
// views, the limits of capped collections, validators, and that a clustered collection has no other
// index on _id.
var createOptions = []string{
	"capped", "size", "max", "validator", "validationLevel", "validationAction", "collation", "clusteredIndex",
	"timeseries", "expireAfterSeconds", "changeStreamPreAndPostImages", "viewOn", "pipeline", "storageEngine",
	"indexOptionDefaults",
}

// create creates a collection or a view with its options.
func (s *Server) create(req *request, target string) bson.Raw {
	const invalidOptions, invalidNamespace, namespaceExists = 72, 73, 48
	if bad := refuseUnknown("create", req.body, nil, createOptions...); bad != nil {
		return bad
	}
	ns := req.db + "." + target
	has := func(option string) bool { return !req.body.Lookup(option).IsZero() }
	switch {
	case target == "" || len(ns) > maxNamespace:
		return failure(invalidNamespace, "Invalid namespace specified '"+ns+"'")
	case s.data[ns] != nil:
		return failure(namespaceExists, "Collection "+ns+" already exists.")
	case truthy(req.body.Lookup("capped")) != has("size"):
		return failure(invalidOptions, "the 'capped' field needs to be true when either the 'size' or 'max' fields "+
			"are present, and needs 'size'")
	case has("viewOn") != has("pipeline"):
		return failure(invalidOptions, "'viewOn' and 'pipeline' are only valid together")
	case has("viewOn"):
		if bad := s.checkView(req.db, target, req.body); bad != nil {
			return bad
		}
	}
	if err := new(collection).setValidator(req.body); err != nil {
		return failure(2, err.Error())
	}
	c := s.make(req.db, target)
	_ = c.setValidator(req.body)
	c.setLimits(req.body)
	switch {
	case has("viewOn"):
		c.kind, c.uuid = viewType, [16]byte{}
	case has("timeseries"):
		c.kind = timeSeriesType
	}
	options := bson.D{}
	elements, _ := req.body.Elements()
	for _, e := range elements {
		if slices.Contains(createOptions, e.Key()) {
			options = append(options, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	c.options = document(options)
	return document(bson.D{ok})
}

// maxNamespace is the limit of a collection's name with its database, in bytes.
const maxNamespace = 255

// description returns what listCollections says about c.
func (c *collection) description() bson.Raw {
	info := bson.D{{Key: "readOnly", Value: c.kind == viewType}}
	if c.kind == plainType {
		info = append(info, bson.E{
			Key: "uuid", Value: bson.Binary{Subtype: bson.TypeBinaryUUID, Data: c.uuid[:]},
		})
	}
	d := bson.D{
		{Key: "name", Value: c.name},
		{Key: "type", Value: c.kind},
		{Key: "options", Value: c.options},
		{Key: "info", Value: info},
	}
	if index := c.idIndex(); index != nil {
		d = append(d, bson.E{Key: "idIndex", Value: index})
	}
	return document(d)
}
