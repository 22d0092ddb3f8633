package mongotest

import (
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func (s *Server) insert(req *request, target string, f *Fault) bson.Raw {
	if !s.lenient {
		bad := refuseUnknown("insert", req.body, s.unknown, "documents", "ordered", "bypassDocumentValidation",
			bypassField)
		if bad != nil {
			return bad
		}
	}
	bypass, _ := req.body.Lookup(bypassField).BooleanOK()
	bypass = bypass && !s.unknown[bypassField]
	docs := req.statements()
	if len(docs) == 0 || len(docs) > s.batch {
		return failure(16, fmt.Sprintf("Write batch sizes must be between 1 and %d. Got %d operations.", s.batch,
			len(docs)))
	}
	write, bad := s.remembered(req)
	if bad != nil {
		return bad
	}
	ordered := true
	if v, isBool := req.body.Lookup("ordered").BooleanOK(); isBool {
		ordered = v
	}
	parsed := make([]fields, len(docs))
	for i, doc := range docs {
		var sound bool
		if parsed[i], sound = fieldsOf(doc); !sound {
			return failure(22, fmt.Sprintf("document %d is not BSON", i))
		}
	}
	c := s.make(req.db, target)
	if c.kind == viewType {
		return failure(166, "Namespace "+req.db+"."+target+" is a view, not a collection")
	}
	inserted, errs, retried := 0, bson.A{}, bson.A{}
	for i, doc := range docs {
		if f.Most > 0 && i == f.Most {
			s.changed(c)
			return nil
		}
		if _, executed := write.before(i); executed {
			inserted++
			retried = append(retried, int32(i))
			continue
		}
		bad := &refusal{f.WriteErrors[i], "mongotest: injected write error"}
		if bad.code == 0 {
			bad = s.store(c, doc, parsed[i], checks{keepsTimestamps: bypass, validates: !skipsValidation(req)})
		}
		if bad == nil {
			inserted++
			write.remember(i, changed{n: 1})
			continue
		}
		errs = append(errs, bson.D{
			{Key: "index", Value: int32(i)},
			{Key: "code", Value: bad.code},
			{Key: "errmsg", Value: bad.text},
		})
		if ordered {
			break
		}
	}
	s.changed(c)
	d := bson.D{{Key: "n", Value: int32(inserted)}}
	if len(errs) > 0 {
		d = append(d, bson.E{Key: "writeErrors", Value: errs})
	}
	if f.WriteConcernError != 0 {
		d = append(d, bson.E{Key: "writeConcernError", Value: bson.D{
			{Key: "code", Value: f.WriteConcernError},
			{Key: "errmsg", Value: "mongotest: injected write concern error"},
		}})
	}
	if len(retried) > 0 {
		d = append(d, bson.E{Key: "retriedStmtIds", Value: retried})
	}
	return document(append(d, ok))
}

// checks says what the server does with a new document.
type checks struct {
	keepsTimestamps bool // a top-level Timestamp(0, 0) stays
	validates       bool // by the validator of the collection
}

// skipsValidation reports whether a command says that its documents need not be valid.
func skipsValidation(req *request) bool { return truthy(req.body.Lookup("bypassDocumentValidation")) }

// store puts doc into c as a server does, or returns why it refuses doc.
func (s *Server) store(c *collection, doc bson.Raw, f fields, wanted checks) *refusal {
	const badValue, overflow, duplicateKey = 2, 15, 11000
	if len(doc) > MaxDocumentBytes {
		text := fmt.Sprintf("object to insert too large. size in bytes: %d, max size: %d", len(doc), MaxDocumentBytes)
		return &refusal{badValue, text}
	}
	if tooDeep(doc, MaxDepth) {
		return &refusal{overflow, fmt.Sprintf("Document exceeds maximum nested object depth: %d", MaxDepth)}
	}
	fixed, bad := s.fix(doc, f, wanted.keepsTimestamps)
	switch {
	case bad != nil:
		return bad
	case wanted.validates:
		if bad := c.rule.refuses(nil, fixed); bad != nil {
			return bad
		}
	}
	if bad := c.limits.tooLarge(fixed); bad != nil {
		return bad
	}
	if kept, bad := s.keep(c, fixed); kept {
		if bad == nil {
			s.logInsert(c, fixed)
		}
		return bad
	}
	if !c.insert(fixed) {
		text := fmt.Sprintf("E11000 duplicate key error collection: %s.%s index: _id_ dup key: { _id: %s }",
			c.db, c.name, fixed.Lookup("_id"))
		return &refusal{duplicateKey, text}
	}
	if bad := c.addKeys(fixed); bad != nil {
		delete(c.ids, idOf(fixed))
		c.docs = c.docs[:len(c.docs)-1]
		c.limits.used -= int64(len(fixed))
		return bad
	}
	s.trim(c)
	s.logInsert(c, fixed)
	return nil
}
