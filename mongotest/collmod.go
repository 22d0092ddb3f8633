package mongotest

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// modifiable are the options of a collection that collMod can change.
var modifiable = []string{
	"validator", "validationLevel", "validationAction", "expireAfterSeconds", "changeStreamPreAndPostImages",
}

// collMod changes options of a collection.
func (s *Server) collMod(req *request, ns string) bson.Raw {
	if bad := refuseUnknown("collMod", req.body, nil, modifiable...); bad != nil {
		return bad
	}
	c := s.data[ns]
	if c == nil {
		return failure(26, "ns does not exist")
	}
	if c.kind == viewType {
		return failure(115, "mongotest: collMod of a view is not supported")
	}
	options := bson.D{}
	old, _ := c.options.Elements()
	for _, e := range old {
		if req.body.Lookup(e.Key()).IsZero() {
			options = append(options, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	elements, _ := req.body.Elements()
	for _, e := range elements {
		if slices.Contains(modifiable, e.Key()) {
			options = append(options, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	if err := c.setValidator(document(options)); err != nil {
		_ = c.setValidator(c.options)
		return failure(2, err.Error())
	}
	c.options = document(options)
	return document(bson.D{ok})
}
