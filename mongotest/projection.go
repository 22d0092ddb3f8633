package mongotest

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// projection keeps or drops fields of the top level.
type projection struct {
	fields map[string]bool // named, other than _id
	keeps  bool            // the named fields, and drops the others
	noID   bool
}

// parseProjection reads {field: 1, …} or {field: 0, …}. It returns nil if all fields stay.
func parseProjection(v bson.RawValue) (*projection, error) {
	if v.IsZero() {
		return nil, nil
	}
	d, isDocument := v.DocumentOK()
	elements, err := d.Elements()
	if !isDocument || err != nil {
		return nil, unsupported("the projection", v)
	}
	p := &projection{fields: map[string]bool{}}
	decided := false // whether p keeps or drops
	for _, e := range elements {
		value := e.Value()
		switch value.Type {
		case bson.TypeBoolean, bson.TypeInt32, bson.TypeInt64, bson.TypeDouble:
		default:
			return nil, unsupported("the projection", v)
		}
		key, keep := e.Key(), truthy(value)
		switch {
		case strings.ContainsAny(key, ".$"):
			return nil, unsupported("the projection", v)
		case key == "_id":
			p.noID = !keep
			p.keeps = p.keeps || keep && len(elements) == 1
			continue
		case decided && keep != p.keeps:
			return nil, unsupported("a projection that keeps and drops", v)
		}
		p.fields[key], p.keeps, decided = true, keep, true
	}
	if len(p.fields) == 0 && !p.keeps && !p.noID {
		return nil, nil
	}
	return p, nil
}

// of returns the fields of d that p keeps.
func (p *projection) of(d bson.Raw) bson.Raw {
	if p == nil {
		return d
	}
	kept := make([]byte, 4, len(d))
	for rest := d[4 : len(d)-1]; len(rest) > 0; {
		e, tail, ok := bsoncore.ReadElement(rest)
		if !ok {
			return d // damaged: as it is
		}
		key := e.Key()
		if key == "_id" && !p.noID || key != "_id" && p.fields[key] == p.keeps {
			kept = append(kept, e...)
		}
		rest = tail
	}
	return end(kept, 0)
}

// all applies p to docs.
func (p *projection) all(docs []bson.Raw) []bson.Raw {
	if p == nil {
		return docs
	}
	kept := make([]bson.Raw, len(docs))
	for i, d := range docs {
		kept[i] = p.of(d)
	}
	return kept
}
