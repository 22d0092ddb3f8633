package mongosource

import (
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// ChangePosition is a place in the changes of one collection, database or deployment: after a
// certain event. The zero value means now. Positions are values: they can be compared, and share no
// memory with an event. They can be stored as JSON or as BSON, and read back unchanged. They need not
// ascend in any order that a client can see.
type ChangePosition struct {
	target      string // what the stream watched; "" if it is not known
	after       string // the token of the last event, or one of the server for an idle stream
	before      string // the token before that event; "" if it is not known
	invalidated bool   // the event was an invalidation
	damaged     bool   // after is not a token
}

// AfterToken returns the position after a resume token of the driver or of another program. A [Watch]
// after a token that is empty or not a document fails before any request, and the position cannot be
// stored.
func AfterToken(token bson.Raw) ChangePosition {
	damaged := len(token) <= emptyDocument || checkDocument(token) != nil
	return ChangePosition{after: string(token), damaged: damaged}
}

// errDamagedToken says that [AfterToken] got no resume token. Its position must not pass for the zero
// ChangePosition, which means now.
var errDamagedToken = errors.New("the resume token given to AfterToken is empty, or not a document")

// Token returns the resume token of the position, or nil if it has none.
func (p ChangePosition) Token() bson.Raw {
	if p.after == "" {
		return nil
	}
	return bson.Raw(p.after)
}

// String returns the position as JSON.
func (p ChangePosition) String() string {
	text, err := p.MarshalJSON()
	if err != nil {
		return "invalid position"
	}
	return printable.Text(string(text))
}

// The fields of a stored position.
const (
	targetField      = "target"
	tokenField       = "after"
	beforeField      = "before"
	invalidatedField = "invalidated"
)

// MarshalBSON returns the position as a document.
func (p ChangePosition) MarshalBSON() ([]byte, error) {
	if p.damaged {
		return nil, badChangePosition(errDamagedToken)
	}
	d := bson.D{}
	if p.target != "" {
		d = append(d, bson.E{Key: targetField, Value: p.target})
	}
	if p.after != "" {
		d = append(d, bson.E{Key: tokenField, Value: bson.Raw(p.after)})
	}
	if p.before != "" {
		d = append(d, bson.E{Key: beforeField, Value: bson.Raw(p.before)})
	}
	if p.invalidated {
		d = append(d, bson.E{Key: invalidatedField, Value: true})
	}
	return bson.Marshal(d)
}

// UnmarshalBSON reads a document of MarshalBSON.
func (p *ChangePosition) UnmarshalBSON(doc []byte) error {
	if bad := checkDocument(doc); bad != nil {
		return badChangePosition(bad)
	}
	elements, err := bson.Raw(doc).Elements()
	if err != nil {
		return badChangePosition(err)
	}
	var read ChangePosition
	for _, e := range elements {
		ok := false
		switch v := e.Value(); e.Key() {
		case targetField:
			read.target, ok = v.StringValueOK()
		case tokenField:
			read.after, ok = tokenText(v)
		case beforeField:
			read.before, ok = tokenText(v)
		case invalidatedField:
			read.invalidated, ok = v.BooleanOK()
		}
		if !ok {
			return badChangePosition(errors.New("a field is unknown or has another type"))
		}
	}
	if read.after == "" && read != (ChangePosition{}) {
		return badChangePosition(errors.New("it has no token"))
	}
	*p = read
	return nil
}

// MarshalJSON returns the position as canonical Extended JSON.
func (p ChangePosition) MarshalJSON() ([]byte, error) { return positionJSON(p) }

// UnmarshalJSON reads the JSON of MarshalJSON.
func (p *ChangePosition) UnmarshalJSON(text []byte) error {
	return parsePosition(text, p, badChangePosition)
}

func badChangePosition(err error) error {
	return stream.Mark(fmt.Errorf("mongosource: not a position of a change stream: %w", err), stream.Fatal)
}

// tokenText returns the bytes of a resume token.
func tokenText(v bson.RawValue) (token string, ok bool) {
	doc, ok := v.DocumentOK()
	return string(doc), ok && len(doc) > emptyDocument
}

// next returns the position after an event with a token. An invalidation cannot be resumed from, so
// nothing can be read again from there.
func (p ChangePosition) next(token string) ChangePosition {
	n := ChangePosition{target: p.target, after: token, before: p.after}
	if p.invalidated {
		n.before = ""
	}
	return n
}

// idle returns the position at a token that the server gave without an event.
func (p ChangePosition) idle(token string) ChangePosition {
	return ChangePosition{target: p.target, after: token}
}
