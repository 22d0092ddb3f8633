package codec

// defaultMaxLength is the default of MaxLength. The longest line of canonical Extended JSON for a
// document of 16 MiB has about 112 MiB.
const defaultMaxLength = 128 << 20

// recordBuffer assembles a record that spans chunks. A record inside one chunk is not copied. The
// zero value is ready to use.
type recordBuffer struct {
	// part is the beginning of the record: the tail of a chunk without spare capacity, or a buffer
	// of this type. If records are lent, it may be empty and have capacity.
	part []byte
	// slab is the memory of short records that span chunks. Its length is the used part. One
	// allocation for each record would cost more than the copy.
	slab []byte
	// lent means that this type owns the chunks, and that a receiver uses a record only until emit
	// returns.
	lent bool
}

// maxKept is the size of the longest buffer that is kept for the next record, in bytes.
const maxKept = 1 << 20

// add appends p to a record that continues in the next chunk.
func (r *recordBuffer) add(p []byte) {
	if len(r.part) == 0 && !r.lent {
		r.part = p[:len(p):len(p)]
		return
	}
	if need := len(r.part) + len(p); need > cap(r.part) && need > maxKept {
		// append would grow by a quarter each time, and leave garbage of four times the final size.
		r.part = append(make([]byte, 0, max(need, 2*cap(r.part))), r.part...)
	}
	r.part = append(r.part, p...)
}

// complete returns the record that ends with p, and resets r.
func (r *recordBuffer) complete(p []byte) []byte {
	part := r.part
	switch {
	case len(part) == 0:
		return p[:len(p):len(p)]
	case !r.lent && len(part) == cap(part): // no spare capacity
		part = append(r.alloc(len(part)+len(p)), part...)
	}
	r.part = append(part, p...)
	all := r.part
	r.reset()
	return all[:len(all):len(all)]
}

// slabSize is the largest size of a slab: the largest size class of the runtime, because larger
// allocations cost more. A receiver that keeps a record which spans chunks holds no more memory
// than with any other record.
const slabSize = 32 << 10

// alloc returns a slice of capacity n that the record's receiver may keep.
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

// reset drops the record.
func (r *recordBuffer) reset() {
	if r.lent && cap(r.part) <= maxKept {
		r.part = r.part[:0]
	} else {
		r.part = nil
	}
}

// len returns the length of the record so far.
func (r *recordBuffer) len() int { return len(r.part) }
