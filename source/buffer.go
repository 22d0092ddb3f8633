package source

// buffer is the memory that a source reads into.
type buffer struct {
	size int    // bytes of a chunk at most
	lent bool   // the receiver uses a chunk only until emit returns
	free []byte // the rest of the last allocation
}

// next returns the memory for the next chunk. A chunk that was emitted is not in it, unless it was
// lent.
func (b *buffer) next() []byte {
	if len(b.free) < (b.size+1)/2 {
		b.free = make([]byte, b.size)
	}
	return b.free
}

// chunk returns the first n bytes of the memory, to emit them.
func (b *buffer) chunk(n int) []byte {
	p := b.free[:n:n]
	if !b.lent {
		b.free = b.free[n:]
	}
	return p
}
