package agecodec

// maxPieces is how many pieces a block may lie in before they are put together.
const maxPieces = 16

// blocks cuts a stream of chunks of any size into blocks of size bytes and keeps back the last one, full or not, until it is known
// whether more follows. A block stays where it lies, in pieces of one chunk or several, unless the chunks are very small.
type blocks struct {
	size int
	room func() []byte               // an empty slice with room for a block
	full func(pieces [][]byte) error // takes a block behind which more follows

	held   [][]byte // the pieces of the block in hand, each of which ends with its capacity
	own    bool     // held is one piece, and room of ours
	n      int      // bytes in it
	joined []byte   // where pieces are put together, one block after the other
}

// push takes the next bytes.
func (b *blocks) push(p []byte) error {
	for len(p) > 0 {
		if b.n == b.size {
			if err := b.full(b.held); err != nil {
				return err
			}
			clear(b.held)
			b.held, b.own, b.n = b.held[:0], false, 0
		}
		k := min(b.size-b.n, len(p))
		b.hold(p[:k:k])
		p = p[k:]
	}
	return nil
}

// hold adds a piece to the block in hand.
func (b *blocks) hold(piece []byte) {
	if len(b.held) == maxPieces && !b.own {
		block := b.room()
		for _, h := range b.held {
			block = append(block, h...)
		}
		clear(b.held)
		b.held, b.own = append(b.held[:0], block), true
	}
	if b.own {
		b.held[0] = append(b.held[0], piece...)
	} else {
		b.held = append(b.held, piece)
	}
	b.n += len(piece)
}

// join returns a block in one piece: where it lies, or else in memory that is used again for the next.
func (b *blocks) join(pieces [][]byte) []byte {
	switch len(pieces) {
	case 0:
		return nil
	case 1:
		return pieces[0]
	}
	if b.joined == nil {
		b.joined = make([]byte, 0, b.size)
	}
	block := b.joined[:0]
	for _, p := range pieces {
		block = append(block, p...)
	}
	return block
}
