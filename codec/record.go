package codec

// defaultMaxLength is what MaxLength means when it is zero: room for the longest line of canonical Extended JSON that a document
// of 16 MiB can become, which is about 112 MiB.
const defaultMaxLength = 128 << 20

// record puts together a record that is cut over several chunks. A record that lies within one chunk stays where it is; one that
// does not is copied. The zero value is ready to use.
type recordBuffer struct {
	// The tail of a chunk, without room behind it, or a buffer of ours. Where it is empty it may have room, if records are lent.
	part []byte
	// Where short records that are cut get their memory: up to its length it is given away. Allocating each of them alone
	// costs more than copying it.
	slab []byte
	// Says that chunks are ours, and records their receiver's, only until emit returns.
	lent bool
}

// maxKept is the longest buffer that is kept for the next record.
const maxKept = 1 << 20

// hold keeps the beginning, or more, of a record that goes on in the next chunk.
func (r *recordBuffer) add(p []byte) {
	if len(r.part) == 0 && !r.lent {
		r.part = p[:len(p):len(p)]
		return
	}
	if need := len(r.part) + len(p); need > cap(r.part) && need > maxKept {
		// append would take a quarter more at a time, and leave behind four times what it ends with.
		r.part = append(make([]byte, 0, max(need, 2*cap(r.part))), r.part...)
	}
	r.part = append(r.part, p...)
}

// take returns the record that ends with p, and is empty after that.
func (r *recordBuffer) complete(p []byte) []byte {
	part := r.part
	switch {
	case len(part) == 0:
		return p[:len(p):len(p)]
	case !r.lent && len(part) == cap(part): // exactly what it takes
		part = append(r.alloc(len(part)+len(p)), part...)
	}
	r.part = append(part, p...)
	all := r.part
	r.reset()
	return all[:len(all):len(all)]
}

// slabSize is how long a slab is at most: the longest piece that the runtime keeps a size class for, which longer ones cost more than.
// Who keeps a record that was cut holds no more memory by it than by one that was not.
const slabSize = 32 << 10

// room returns n bytes of capacity for a record to keep.
func (r *recordBuffer) alloc(n int) []byte {
	if n > slabSize/2 {
		return make([]byte, 0, n)
	}
	used := len(r.slab)
	if n > cap(r.slab)-used {
		r.slab, used = make([]byte, 0, min(max(2*cap(r.slab), 2*n), slabSize)), 0
	}
	r.slab = r.slab[:used+n]
	return r.slab[used : used : used+n]
}

// clear forgets what there is of the record.
func (r *recordBuffer) reset() {
	if r.lent && cap(r.part) <= maxKept {
		r.part = r.part[:0]
	} else {
		r.part = nil
	}
}

// len returns how much of the record there is.
func (r *recordBuffer) len() int { return len(r.part) }
