package mongotest

import (
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxViewDepth is the limit of views upon views.
const maxViewDepth = 20

// below returns the collection that a read of ns reads, nil if it does not exist, and the stages of
// the views between them.
func (s *Server) below(ns string) (c *collection, stages []bson.RawValue, refusal bson.Raw) {
	const viewDepthLimitExceeded = 165
	for range maxViewDepth + 1 {
		if ns == rolesNamespace {
			return s.keptRoles(), stages, nil
		}
		c = s.data[ns]
		if c == nil || c.kind != viewType {
			return c, stages, nil
		}
		pipeline, _ := c.options.Lookup("pipeline").ArrayOK()
		own, _ := pipeline.Values()
		stages = slices.Concat(own, stages)
		base, _ := c.options.Lookup("viewOn").StringValueOK()
		ns = c.db + "." + base
	}
	return nil, nil, failure(viewDepthLimitExceeded, fmt.Sprintf("View depth limit exceeded; maximum depth is %d",
		maxViewDepth))
}

// checkView returns why a server refuses a view of db, or nil. The collection below need not exist.
func (s *Server) checkView(db, name string, options bson.Raw) (refusal bson.Raw) {
	const graphContainsCycle, badValue = 5, 2
	base, isText := options.Lookup("viewOn").StringValueOK()
	pipeline, isArray := options.Lookup("pipeline").ArrayOK()
	stages, err := pipeline.Values()
	if !isText || base == "" || !isArray || err != nil {
		return failure(badValue, "'viewOn' must be the name of a collection, and 'pipeline' an array")
	}
	for next := base; ; {
		if next == name {
			return failure(graphContainsCycle, "View cycle detected: "+db+"."+name)
		}
		c := s.data[db+"."+next]
		if c == nil || c.kind != viewType {
			break
		}
		next, _ = c.options.Lookup("viewOn").StringValueOK()
	}
	_, bad := s.pipeline("", nil, stages)
	return bad
}
