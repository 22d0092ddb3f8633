package mongosink

import (
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
)

// reply is what a server says about the statements of a command.
type reply struct {
	n        int64 // statements that inserted a document, or documents that matched or were deleted
	modified int64
	upserted []int // statements
	refused  []writeError
	concern  *concernError
	err      error // the driver's error; nil if all is well
}

// writeError is the refusal of one statement.
type writeError struct {
	statement int
	code      int
	message   string
	raw       bson.Raw
}

// concernError says that the write concern was not met.
type concernError struct {
	code    int
	message string
}

// parseReply returns the reply to b. The error says how the reply contradicts itself or b.
func parseReply(b *batch, raw bson.Raw, err error) (r reply, bad error) {
	r.err = err
	var ok bool
	if r.n, ok = raw.Lookup("n").AsInt64OK(); !ok {
		return r, errors.New("the reply has no count")
	}
	r.modified, _ = raw.Lookup("nModified").AsInt64OK()
	if r.refused, bad = parseErrors(raw, len(b.statements)); bad != nil {
		return r, bad
	}
	if r.upserted, bad = parseUpserted(raw, len(b.statements)); bad != nil {
		return r, bad
	}
	if c, ok := raw.Lookup("writeConcernError").DocumentOK(); ok {
		code, _ := c.Lookup("code").AsInt64OK()
		text, _ := c.Lookup("errmsg").StringValueOK()
		r.concern = &concernError{int(code), text}
	}
	return r, r.contradicts(b)
}

// contradicts returns an error if the counts cannot be true: every statement was executed, was
// refused, or follows the refused one of an ordered command.
func (r *reply) contradicts(b *batch) error {
	if b.ordered && len(r.refused) > 1 {
		return fmt.Errorf("the reply to an ordered command has %d errors", len(r.refused))
	}
	executed := r.executed(b)
	switch {
	case r.n < 0, r.modified < 0, int64(len(r.upserted)) > executed:
	case b.verb == inserts && r.n != executed:
	case b.verb != inserts && !b.verb.ofMany() && r.n > executed:
	default:
		return nil
	}
	return fmt.Errorf("the reply counts %d documents and %d errors for %d statements", r.n, len(r.refused),
		len(b.statements))
}

// executed returns how many statements of b were executed.
func (r *reply) executed(b *batch) int64 {
	if b.ordered && len(r.refused) > 0 {
		return int64(r.refused[0].statement)
	}
	return int64(len(b.statements) - len(r.refused))
}

// changed returns how many statements of b changed a document. With a number, a server remembers only
// those.
func (r *reply) changed(b *batch) int64 {
	if b.verb == inserts || b.verb == deletes {
		return r.n
	}
	return r.modified + int64(len(r.upserted))
}

// counts reports whether r counts statement i of b as executed. r is nil if there is no reply.
func (r *reply) counts(b *batch, i int) bool {
	if r == nil || r.concern != nil {
		return false
	}
	return !slices.ContainsFunc(r.refused, func(e writeError) bool {
		return e.statement == i || b.ordered && e.statement < i
	})
}

func parseErrors(raw bson.Raw, statements int) (errs []writeError, bad error) {
	list, err := valuesOf(raw, "writeErrors")
	if err != nil {
		return nil, err
	}
	seen := make(map[int]bool, len(list))
	for _, v := range list {
		doc, _ := v.DocumentOK()
		i, ok := doc.Lookup("index").AsInt64OK()
		if !ok || i < 0 || i >= int64(statements) || seen[int(i)] {
			return nil, errors.New("the reply has an error of no statement, or two of one")
		}
		seen[int(i)] = true
		code, _ := doc.Lookup("code").AsInt64OK()
		text, _ := doc.Lookup("errmsg").StringValueOK()
		errs = append(errs, writeError{int(i), int(code), text, doc})
	}
	return errs, nil
}

func parseUpserted(raw bson.Raw, statements int) (upserted []int, bad error) {
	list, err := valuesOf(raw, "upserted")
	if err != nil {
		return nil, err
	}
	for _, v := range list {
		doc, _ := v.DocumentOK()
		i, ok := doc.Lookup("index").AsInt64OK()
		if !ok || i < 0 || i >= int64(statements) {
			return nil, errors.New("the reply has an upsert of no statement")
		}
		upserted = append(upserted, int(i))
	}
	return upserted, nil
}

// valuesOf returns the values of an array of raw. There are none if it has no such field.
func valuesOf(raw bson.Raw, key string) ([]bson.RawValue, error) {
	v, err := raw.LookupErr(key)
	if err != nil {
		return nil, nil
	}
	list, ok := v.ArrayOK()
	if !ok {
		return nil, fmt.Errorf("%s is no array in the reply", key)
	}
	return list.Values()
}

// transient reports whether the server may execute more of the command if it comes again under the
// same number.
func (r *reply) transient() bool {
	if r.concern != nil && mongoerr.ClassOfWrite(r.concern.code).Transient() {
		return true
	}
	for _, e := range r.refused {
		if mongoerr.ClassOfWrite(e.code).Transient() {
			return true
		}
	}
	return false
}

// exception returns the refusals as the driver's error.
func (r *reply) exception() error {
	if r.err != nil {
		return r.err
	}
	var e mongo.WriteException
	for _, f := range r.refused {
		e.WriteErrors = append(e.WriteErrors,
			mongo.WriteError{Index: f.statement, Code: f.code, Message: f.message, Raw: f.raw})
	}
	if c := r.concern; c != nil {
		e.WriteConcernError = &mongo.WriteConcernError{Code: c.code, Message: c.message}
	}
	return e
}
