package codec

// defaultMaxLength is what MaxLength means when it is zero: room for the longest line of canonical Extended JSON that a document
// of 16 MiB can become, which is about 112 MiB.
const defaultMaxLength = 128 << 20

// record puts together a record that is cut over several chunks. A record that lies within one chunk stays where it is; one that
// does not is copied once, with room to grow.
type record struct {
	part  []byte
	owned bool // part is a buffer of ours, not the tail of a chunk
}

// hold keeps the beginning, or more, of a record that goes on in the next chunk.
func (r *record) hold(p []byte) {
	switch {
	case len(r.part) == 0 && !r.owned:
		r.part = p
	case !r.owned:
		buf := make([]byte, 0, 2*(len(r.part)+len(p)))
		r.part, r.owned = append(append(buf, r.part...), p...), true
	default:
		if n := len(r.part) + len(p); n > cap(r.part) {
			r.part = append(make([]byte, 0, 2*n), r.part...)
		}
		r.part = append(r.part, p...)
	}
}

// take returns the record that ends with p, and is empty after that.
func (r *record) take(p []byte) []byte {
	part, owned := r.part, r.owned
	r.part, r.owned = nil, false
	switch {
	case len(part) == 0 && !owned:
		return p[:len(p):len(p)]
	case owned:
		return append(part, p...)
	}
	return append(append(make([]byte, 0, len(part)+len(p)), part...), p...)
}

// len returns how much of the record there is.
func (r *record) len() int { return len(r.part) }
