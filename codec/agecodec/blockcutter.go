package agecodec

// maxFragments limits the fragments of a block. A block of more fragments is copied into one.
const maxFragments = 16

// blockCutter cuts a stream of chunks into blocks of blockSize bytes. It holds the last block, full
// or not, until more input arrives, so the caller knows which block is the last. It does not copy a
// block unless the chunks are very small: a block is a list of fragments of the chunks.
type blockCutter struct {
	blockSize int
	newBlock  func() []byte                  // returns an empty slice with the capacity of a block
	emitFull  func(fragments [][]byte) error // takes a full block that more input follows

	fragments [][]byte // the current block; the capacity of each fragment is its length
	merged    bool     // fragments is a single slice from newBlock
	size      int      // bytes in the current block
	joinBuf   []byte   // the result of join, reused for each block
}

// push adds the next bytes of the stream.
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

// appendFragment adds p to the current block.
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

// join returns a block as one slice. If the block has several fragments, the slice is valid until
// the next call.
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
