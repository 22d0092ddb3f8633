package mongosource

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/version"
)

// The documents of a batch are parts of one reply. The driver promises that a document remains valid
// only until the next one. But some versions allocate the memory of each reply, compressed or not, and
// never use it again, so that the documents need no copy. With any other version, they are copied.

// allocating are the versions of the driver whose code was checked: connection.read and
// DecompressPayload make a new slice, and nothing keeps one in a pool.
var allocating = []string{"2.10.0"}

// ownsReplies reports whether the memory of a reply belongs to the caller of the driver.
func ownsReplies() bool { return slices.Contains(allocating, version.Driver) }

// extent is the memory of a batch, from its first document to its last.
type extent struct{ first, last bson.Raw }

// extentOf returns the memory of docs.
func extentOf(docs []bson.Raw) extent {
	if len(docs) == 0 {
		return extent{}
	}
	return extent{docs[0], docs[len(docs)-1]}
}

// detachLast returns the last of docs, which are parts of one reply, for a caller that holds it after
// the others. It copies the document if it is less than half of them, so that it does not keep their
// memory.
func detachLast(docs []bson.Raw) bson.Raw {
	last := docs[len(docs)-1]
	whole := 0
	for _, d := range docs {
		if whole += len(d); whole > 2*len(last) {
			return slices.Clip(append(bson.Raw(nil), last...))
		}
	}
	return last
}

// overlaps reports whether two batches share memory. Both are still referenced, so the allocator has
// not used the memory again: the driver has.
func (e extent) overlaps(other extent) bool {
	return e.first != nil && other.first != nil && !follows(e.first, other.last) && !follows(other.first, e.last)
}
