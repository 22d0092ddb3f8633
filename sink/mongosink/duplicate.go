package mongosink

import (
	"strings"
)

const duplicateKey = 11000

// duplicateCode reports whether code means that a unique index already has the key.
func duplicateCode(code int) bool { return code == duplicateKey || code == 11001 || code == 12582 }

// ofID reports whether the index of a duplicate key is the one on _id.
func (e *writeError) ofID() bool {
	if pattern, ok := e.raw.Lookup("keyPattern").DocumentOK(); ok {
		first, err := pattern.IndexErr(0)
		_, more := pattern.IndexErr(1)
		return err == nil && first.Key() == "_id" && more != nil
	}
	_, index, _ := strings.Cut(e.message, " index: ")
	return strings.HasPrefix(index, "_id_ ")
}
