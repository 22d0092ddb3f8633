package mongosource

import "github.com/millweir/millweir/internal/bsonwire"

// maxDepth limits the levels of documents and arrays in a document. Servers allow 200 levels, and
// never more than 250.
const maxDepth = 256

// checkFrame returns an error if the length of d is wrong or d lacks its terminator. It is the
// cheapest check: it does not read the elements.
func checkFrame(d []byte) *MalformedError {
	switch {
	case !bsonwire.HasLength(d):
		return malformed(d, 0, bsonwire.ErrLength)
	case !bsonwire.HasFrame(d):
		return malformed(d, len(d)-1, bsonwire.ErrTerminator)
	}
	return nil
}

// checkDocument returns an error if the structure of d is not BSON. It does not check that text is
// UTF-8: a server stores other text too.
func checkDocument(d []byte) *MalformedError {
	c := bsonwire.Checker{Src: d, Level: bsonwire.Values, MaxDepth: maxDepth}
	if c.Document() {
		return nil
	}
	return malformed(d, c.At, c.Err)
}

func malformed(d []byte, at int, err error) *MalformedError {
	return &MalformedError{ID: bsonwire.ShownID(d), Offset: at, Reason: err.Error()}
}
