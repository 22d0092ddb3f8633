package agecodec

// maxPieces is how many pieces a block may lie in before they are put together.
const maxFragments = 16

// blocks cuts a stream of chunks of any size into blocks of size bytes and keeps back the last one, full or not, until it is known
// whether more follows. A block stays where it lies, in pieces of one chunk or several, unless the chunks are very small.
type blockCutter struct {
	blockSize int
	newBlock  func() []byte                  // an empty slice with room for a block
	emitFull  func(fragments [][]byte) error // takes a block behind which more follows

	fragments [][]byte // the pieces of the block in hand, each of which ends with its capacity
	merged    bool     // held is one piece, and room of ours
	size      int      // bytes in it
	joinBuf   []byte   // where pieces are put together, one block after the other
}

// push takes the next bytes.
func (b *blockCutter) push(p []byte) error {
	for len(p) > 0 {
		if b.size == b.blockSize {
			if err := b.emitFull(b.fragments); err != nil {
				return err
			}
			clear(b.fragments)
			b.fragments, b.merged, b.size = b.fragments[:0], false, 0
		}
		k := min(b.blockSize-b.size, len(p))
		b.appendFragment(p[:k:k])
		p = p[k:]
	}
	return nil
}

// hold adds a piece to the block in hand.
func (b *blockCutter) appendFragment(p []byte) {
	if len(b.fragments) == maxFragments && !b.merged {
		block := b.newBlock()
		for _, h := range b.fragments {
			block = append(block, h...)
		}
		clear(b.fragments)
		b.fragments, b.merged = append(b.fragments[:0], block), true
	}
	if b.merged {
		b.fragments[0] = append(b.fragments[0], p...)
	} else {
		b.fragments = append(b.fragments, p)
	}
	b.size += len(p)
}

// join returns a block in one piece: where it lies, or else in memory that is used again for the next.
func (b *blockCutter) join(fragments [][]byte) []byte {
	switch len(fragments) {
	case 0:
		return nil
	case 1:
		return fragments[0]
	}
	if b.joinBuf == nil {
		b.joinBuf = make([]byte, 0, b.blockSize)
	}
	block := b.joinBuf[:0]
	for _, p := range fragments {
		block = append(block, p...)
	}
	return block
}
