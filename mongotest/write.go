package mongotest

import (
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// change carries out an update or delete command. Like a server, it remembers the statements of a
// retryable write.
func (s *Server) change(req *request, target string, f *Fault) bson.Raw {
	list := lists[req.name]
	if bad := refuseUnknown(req.name, req.body, nil, list, "ordered", "bypassDocumentValidation", "let"); bad != nil {
		return bad
	}
	statements := req.statements()
	if len(statements) == 0 || len(statements) > s.batch {
		return failure(16, fmt.Sprintf("%d statements", len(statements)))
	}
	for _, statement := range statements {
		if bad := refuseUnknownOf(req.name, statement); bad != nil {
			return bad
		}
	}
	write, bad := s.remembered(req)
	if bad != nil {
		return bad
	}
	ordered := true
	if v, isBool := req.body.Lookup("ordered").BooleanOK(); isBool {
		ordered = v
	}
	c := s.make(req.db, target)
	if c.made != nil {
		return failure(2, "mongotest: "+req.name+" is not supported for a generated collection")
	}
	if c.kind == viewType {
		return failure(166, "Namespace "+req.db+"."+target+" is a view, not a collection")
	}
	var total changed
	errs, upserted, retried := bson.A{}, bson.A{}, bson.A{}
	for i, statement := range statements {
		many := truthy(statement.Lookup("multi")) || req.name == "delete" && !truthy(statement.Lookup("limit"))
		if write != nil && many {
			return failure(72, "Cannot use retryable writes with multi statements")
		}
		done, executed := write.before(i)
		if executed {
			retried = append(retried, int32(i))
		} else {
			bad := &refusal{f.WriteErrors[i], "mongotest: injected write error"}
			if bad.code == 0 {
				done, bad = s.changeOne(c, req, statement)
			}
			if bad != nil {
				errs = append(errs, bson.D{
					{Key: "index", Value: int32(i)},
					{Key: "code", Value: bad.code},
					{Key: "errmsg", Value: bad.text},
				})
				if ordered {
					break
				}
				continue
			}
			write.remember(i, done)
		}
		total.n += done.n
		total.modified += done.modified
		if done.upserted.Type != 0 {
			upserted = append(upserted, bson.D{{Key: "index", Value: int32(i)}, {Key: "_id", Value: done.upserted}})
		}
	}
	s.changed(c)
	d := bson.D{{Key: "n", Value: int32(total.n)}}
	if req.name == "update" {
		d = append(d, bson.E{Key: "nModified", Value: int32(total.modified)})
	}
	for field, values := range map[string]bson.A{"writeErrors": errs, "upserted": upserted, "retriedStmtIds": retried} {
		if len(values) > 0 {
			d = append(d, bson.E{Key: field, Value: values})
		}
	}
	if f.WriteConcernError != 0 {
		d = append(d, bson.E{Key: "writeConcernError", Value: bson.D{
			{Key: "code", Value: f.WriteConcernError},
			{Key: "errmsg", Value: "mongotest: injected write concern error"},
		}})
	}
	return document(append(d, ok))
}

// refuseUnknownOf refuses a statement with a field that the server would ignore, such as hint,
// collation or arrayFilters.
func refuseUnknownOf(command string, statement bson.Raw) bson.Raw {
	elements, err := statement.Elements()
	if err != nil {
		return failure(22, err.Error())
	}
	known := map[string][]string{"update": {"q", "u", "upsert", "multi"}, "delete": {"q", "limit"}}[command]
	for _, e := range elements {
		if !slices.Contains(known, e.Key()) {
			return failure(40415,
				fmt.Sprintf("BSON field '%s.%s.%s' is an unknown field.", command, lists[command], e.Key()))
		}
	}
	return nil
}

// changed is what one statement did.
type changed struct {
	n, modified int
	upserted    bson.RawValue // the _id of the new document
}

// changeOne carries out one statement.
func (s *Server) changeOne(c *collection, req *request, statement bson.Raw) (done changed, bad *refusal) {
	const badValue, cannotGrow = 2, 10003
	command := req.name
	filter, _ := statement.Lookup("q").DocumentOK()
	matches, err := parseFilter(filter)
	if err != nil {
		return done, &refusal{badValue, err.Error()}
	}
	if command == "update" {
		if _, err := updated(document(bson.D{}), statement.Lookup("u")); err != nil { // also if nothing matches
			return done, &refusal{badValue, err.Error()}
		}
	}
	many := truthy(statement.Lookup("multi")) || command == "delete" && !truthy(statement.Lookup("limit"))
	docs := slices.Clone(c.docs) // those of snapshots must not change
	for i := 0; i < len(docs) && (many || done.n == 0); i++ {
		if !matches(docs[i]) {
			continue
		}
		done.n++
		if command == "delete" {
			docs = slices.Delete(docs, i, i+1)
			i--
			continue
		}
		after, err := updated(docs[i], statement.Lookup("u"))
		if err != nil {
			return changed{}, &refusal{badValue, err.Error()}
		}
		if bad := c.rule.refuses(docs[i], after); bad != nil && !skipsValidation(req) {
			return changed{}, bad
		}
		if c.limits.bytes > 0 && len(after) != len(docs[i]) {
			return changed{}, &refusal{cannotGrow, "Cannot change the size of a document in a capped collection"}
		}
		if string(after) != string(docs[i]) {
			done.modified++
		}
		docs[i] = after
	}
	if done.n == 0 && command == "update" && truthy(statement.Lookup("upsert")) {
		return s.upsert(c, req, statement)
	}
	before := c.docs
	if bad := c.setDocuments(docs); bad != nil {
		_ = c.setDocuments(before) // they were there
		return changed{}, bad
	}
	return done, nil
}

// setDocuments replaces the documents of c, and what is known of them. It returns why a unique index
// refuses them, or nil.
func (c *collection) setDocuments(docs []bson.Raw) *refusal {
	c.docs, c.ids = docs, nil
	c.limits.count(docs)
	if bad := c.resetUnique(); bad != nil {
		return bad
	}
	return c.findDuplicate()
}

// upsert stores the document that an update makes of the values of its filter.
func (s *Server) upsert(c *collection, req *request, statement bson.Raw) (changed, *refusal) {
	filter, update := statement.Lookup("q").Document(), statement.Lookup("u")
	start := bson.D{}
	if id, err := filter.LookupErr("_id"); err == nil && !hasOperators(id) {
		start = bson.D{{Key: "_id", Value: id}}
	}
	doc, err := updated(document(start), update)
	if err != nil {
		return changed{}, &refusal{2, err.Error()}
	}
	f, sound := fieldsOf(doc)
	if !sound {
		return changed{}, &refusal{22, "the document is not BSON"}
	}
	if f.ids == 0 {
		doc = document(append(bson.D{{Key: "_id", Value: bson.NewObjectID()}}, fieldsAsD(doc)...))
		f, _ = fieldsOf(doc)
	}
	if bad := s.store(c, doc, f, checks{validates: !skipsValidation(req)}); bad != nil {
		return changed{}, bad
	}
	return changed{n: 1, upserted: doc.Lookup("_id")}, nil
}

// updated returns doc after an update: a replacement, or $set, $setOnInsert, $unset and $inc of
// fields of the top level.
func updated(doc bson.Raw, update bson.RawValue) (bson.Raw, error) {
	u, isDocument := update.DocumentOK()
	if !isDocument {
		return nil, errors.New("mongotest: an update by a pipeline is not supported")
	}
	if !hasOperators(update) {
		id, err := doc.LookupErr("_id")
		if own, given := u.LookupErr("_id"); given == nil {
			if err == nil && !own.Equal(id) {
				return nil, errors.New("the _id cannot change")
			}
			return u, nil
		}
		if err != nil {
			return u, nil
		}
		return document(append(bson.D{{Key: "_id", Value: id}}, fieldsAsD(u)...)), nil
	}
	fields := fieldsAsD(doc)
	operators, _ := u.Elements()
	for _, o := range operators {
		operands, _ := o.Value().Document().Elements()
		for _, e := range operands {
			at := slices.IndexFunc(fields, func(f bson.E) bool { return f.Key == e.Key() })
			value := any(e.Value())
			switch o.Key() {
			case "$set":
			case "$inc":
				if at >= 0 {
					have, _ := fields[at].Value.(bson.RawValue).AsInt64OK()
					by, _ := e.Value().AsInt64OK()
					value = have + by
				}
			default:
				return nil, fmt.Errorf("mongotest: the operator %s is not supported", o.Key())
			}
			if at < 0 {
				fields = append(fields, bson.E{Key: e.Key(), Value: value})
			} else {
				fields[at].Value = value
			}
			fields = fieldsAsD(document(fields))
		}
	}
	return document(fields), nil
}

func fieldsAsD(doc bson.Raw) (d bson.D) {
	elements, _ := doc.Elements()
	for _, e := range elements {
		d = append(d, bson.E{Key: e.Key(), Value: e.Value()})
	}
	return d
}
