package mongosource

import (
	"encoding/binary"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxEvent limits the bytes of a joined event: two images and the description of a change, each at
// most 16 MiB, and the names around them.
const maxEvent = 64 << 20

// eventJoiner joins the fragments of split events. A fragment has some top-level fields of its event,
// its own _id, and splitEvent: {fragment: 1, of: 3}.
type eventJoiner struct {
	fields []byte // of the fragments so far
	next   int64  // the number of the next fragment, from 1; 0 if no event is open
	of     int64
}

// pending reports whether an event is not complete.
func (j *eventJoiner) pending() bool { return j.next > 0 }

// join takes a document of the server, which is a whole event or a fragment. It returns the whole
// event, with the _id of its last fragment, or nil if more fragments follow.
func (j *eventJoiner) join(doc bson.Raw) (bson.Raw, error) {
	split, err := doc.LookupErr("splitEvent")
	if err != nil {
		if j.pending() {
			return nil, fmt.Errorf("%w: an event before the last fragment of another one", ErrBadReply)
		}
		return doc, nil
	}
	state, _ := split.DocumentOK()
	fragment, _ := state.Lookup("fragment").AsInt64OK()
	of, _ := state.Lookup("of").AsInt64OK()
	if !j.pending() {
		j.next, j.of = 1, of
	}
	if fragment != j.next || of != j.of || fragment > of {
		return nil, fmt.Errorf("%w: fragment %d of %d of an event, instead of %d of %d",
			ErrBadReply, fragment, of, j.next, j.of)
	}
	elements, err := doc.Elements()
	if err != nil {
		return nil, fmt.Errorf("%w: a fragment of an event: %w", ErrBadReply, err)
	}
	var id bson.RawElement
	for _, e := range elements {
		switch e.Key() {
		case "_id":
			id = e
		case "splitEvent":
		default:
			j.fields = append(j.fields, e...)
		}
	}
	if len(j.fields) > maxEvent {
		return nil, fmt.Errorf("%w: an event of more than %d bytes", ErrBadReply, maxEvent)
	}
	if j.next++; fragment < of {
		return nil, nil
	}
	whole := make([]byte, 4, 4+len(id)+len(j.fields)+1)
	whole = append(append(append(whole, id...), j.fields...), 0)
	binary.LittleEndian.PutUint32(whole, uint32(len(whole)))
	*j = eventJoiner{}
	return whole, nil
}
