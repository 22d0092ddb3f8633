package mongosource

import (
	"bytes"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// reply returns n documents of size bytes each, which are parts of one buffer.
func reply(n, size int) (docs []bson.Raw, buffer []byte) {
	doc := make([]byte, size)
	doc[0], doc[1], doc[2] = byte(size), byte(size>>8), byte(size>>16)
	buffer = bytes.Repeat(doc, n)
	for chunk := range slices.Chunk(buffer, size) {
		docs = append(docs, chunk)
	}
	return docs, buffer
}

// Copies do not change with the reply, whatever the number of goroutines, and a malformed document
// ends the batch at the same place.
func TestCopiers(t *testing.T) {
	const size = copierMin
	for goroutines := range 7 {
		for n := range 10 {
			for bad := range n + 1 {
				docs, buffer := reply(n, size)
				want, _ := reply(bad, size)
				if bad < n {
					docs[bad][0]++
				}
				if bad+2 < n {
					docs[bad+2][0]++
				}
				got, err := newCopiers(goroutines).own(t.Context(), docs, len(buffer), checkFrame)
				clear(buffer)
				if (err != nil) != (bad < n) || err != nil && err.Index != int64(bad) {
					t.Fatalf("%d goroutines, document %d of %d: %v", goroutines, bad, n, err)
				}
				if !slices.EqualFunc(got, want, func(a, b bson.Raw) bool { return bytes.Equal(a, b) }) {
					t.Fatalf("%d goroutines, %d of %d documents: other bytes", goroutines, bad, n)
				}
			}
		}
	}
}

// A panic of a goroutine surfaces on the caller's.
func TestCopiersPanic(t *testing.T) {
	docs, buffer := reply(4, copierMin)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	newCopiers(4).own(t.Context(), docs, len(buffer), func(doc []byte) *MalformedError {
		if &doc[0] == &buffer[3*copierMin] {
			panic("bad")
		}
		return nil
	})
}

func TestFollows(t *testing.T) {
	docs, _ := reply(3, 10)
	for _, c := range []struct {
		doc, last bson.Raw
		want      bool
	}{
		{docs[1], docs[0], true},
		{docs[2], docs[0], true},
		{docs[0], docs[0], false},
		{docs[0], docs[1], false},
		{docs[0][9:], docs[0], false},
	} {
		if got := follows(c.doc, c.last); got != c.want {
			t.Errorf("got %v", got)
		}
	}
}
