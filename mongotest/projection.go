package mongotest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// projection keeps or drops fields.
type projection struct {
	fields fieldTree
	keeps  bool // the named fields, and drops the others
	noID   bool
}

// fieldTree has the names of fields, and of the fields below them. A leaf is nil.
type fieldTree map[string]fieldTree

// parseProjection reads {field: 1, …} or {field: 0, …}, where a field may be a path "a.b" or a document
// {a: {b: 1}}. It returns nil if all fields stay.
func parseProjection(v bson.RawValue) (*projection, error) {
	if v.IsZero() {
		return nil, nil
	}
	d, isDocument := v.DocumentOK()
	elements, err := d.Elements()
	if !isDocument || err != nil {
		return nil, unsupported("the projection", v)
	}
	p := &projection{fields: fieldTree{}}
	decided := false // whether p keeps or drops
	for _, e := range elements {
		if e.Key() == "_id" && isFlag(e.Value()) {
			p.noID = !truthy(e.Value())
			p.keeps = p.keeps || !p.noID && len(elements) == 1
			continue
		}
		if err := p.add(strings.Split(e.Key(), "."), e.Value(), &decided); err != nil {
			return nil, err
		}
	}
	if len(p.fields) == 0 && !p.keeps && !p.noID {
		return nil, nil
	}
	if p.noID != p.keeps { // as if it were named
		p.fields["_id"] = nil
	}
	return p, nil
}

// isFlag reports whether v says that a field is kept or dropped.
func isFlag(v bson.RawValue) bool {
	return slices.Contains([]bson.Type{bson.TypeBoolean, bson.TypeInt32, bson.TypeInt64, bson.TypeDouble}, v.Type)
}

// add adds a path that is kept or dropped, or those in the document v.
func (p *projection) add(path []string, v bson.RawValue, decided *bool) error {
	for _, name := range path {
		if name == "" || strings.HasPrefix(name, "$") {
			return unsupported("in a projection, "+strings.Join(path, "."), v)
		}
	}
	if d, isDocument := v.DocumentOK(); isDocument && len(d) > emptyDocument {
		elements, err := d.Elements()
		for _, e := range elements {
			below := slices.Concat(path, strings.Split(e.Key(), "."))
			if err := p.add(below, e.Value(), decided); err != nil {
				return err
			}
		}
		return err
	}
	keep := truthy(v)
	switch {
	case !isFlag(v) || path[0] == "_id":
		return unsupported("in a projection, "+strings.Join(path, "."), v)
	case *decided && keep != p.keeps:
		return fmt.Errorf("mongotest: a projection that keeps and drops fields is not supported: %s",
			strings.Join(path, "."))
	}
	p.keeps, *decided = keep, true
	return p.fields.add(path)
}

// add adds a path, which must not go through a leaf or end above one.
func (t fieldTree) add(path []string) error {
	below, named := t[path[0]]
	switch last := len(path) == 1; {
	case named && (last || below == nil):
		//lint:ignore ST1005 these are the words of a real server
		return fmt.Errorf("Path collision at %s", path[0])
	case last:
		t[path[0]] = nil
		return nil
	case !named:
		below = fieldTree{}
		t[path[0]] = below
	}
	return below.add(path[1:])
}

// of returns the fields of d that p keeps.
func (p *projection) of(d bson.Raw) bson.Raw {
	if p == nil {
		return d
	}
	kept, ok := p.document(d, p.fields)
	if !ok {
		return d // damaged: as it is
	}
	return kept
}

// document returns the fields of d that are kept, of those in named.
func (p *projection) document(d bson.Raw, named fieldTree) (kept []byte, ok bool) {
	kept = make([]byte, 4, len(d))
	for rest := d[4 : len(d)-1]; len(rest) > 0; {
		e, tail, ok := bsoncore.ReadElement(rest)
		if !ok {
			return nil, false
		}
		below, isNamed := named[e.Key()]
		switch {
		case isNamed && below != nil:
			v, keep, ok := p.value(e.Value(), below)
			if !ok {
				return nil, false
			}
			if keep {
				kept = bsoncore.AppendValueElement(kept, e.Key(), v)
			}
		case isNamed == p.keeps:
			kept = append(kept, e...)
		}
		rest = tail
	}
	return end(kept, 0), true
}

// value returns what is kept of v, the value of a field above named ones: of a document its fields,
// and of an array those of its documents. Other values have no such fields.
func (p *projection) value(v bsoncore.Value, named fieldTree) (_ bsoncore.Value, keep, ok bool) {
	switch v.Type {
	case bsoncore.TypeEmbeddedDocument:
		d, ok := p.document(bson.Raw(v.Data), named)
		return bsoncore.Value{Type: v.Type, Data: d}, true, ok
	case bsoncore.TypeArray:
		elements, err := bsoncore.Array(v.Data).Values()
		if err != nil {
			return v, false, false
		}
		kept, n := make([]byte, 4, len(v.Data)), 0
		for _, e := range elements {
			e, keep, ok := p.value(e, named)
			if !ok {
				return v, false, false
			}
			if keep {
				kept = bsoncore.AppendValueElement(kept, strconv.Itoa(n), e)
				n++
			}
		}
		return bsoncore.Value{Type: v.Type, Data: end(kept, 0)}, true, true
	}
	return v, !p.keeps, true
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
