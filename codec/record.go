package codec

// defaultMaxLength is what MaxLength means when it is zero: room for the longest line of canonical Extended JSON that a document
// of 16 MiB can become, which is about 112 MiB.
const defaultMaxLength = 128 << 20

// record puts together a record that is cut over several chunks. A record that lies within one chunk stays where it is; one that
// does not is copied, with room to grow.
type record struct {
	part []byte // the tail of a chunk, without room behind it, or a buffer of ours
}

// hold keeps the beginning, or more, of a record that goes on in the next chunk.
func (r *record) hold(p []byte) {
	if len(r.part) == 0 {
		r.part = p[:len(p):len(p)]
		return
	}
	r.part = append(r.part, p...)
}

// take returns the record that ends with p, and is empty after that.
func (r *record) take(p []byte) []byte {
	part := r.part
	r.part = nil
	if len(part) == 0 {
		return p[:len(p):len(p)]
	}
	if len(part) == cap(part) { // exactly what it takes
		part = append(make([]byte, 0, len(part)+len(p)), part...)
	}
	all := append(part, p...)
	return all[:len(all):len(all)]
}

// len returns how much of the record there is.
func (r *record) len() int { return len(r.part) }
