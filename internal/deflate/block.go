package deflate

// The kinds of a block, RFC 1951 section 3.2.3.
const (
	stored  = 0
	fixed   = 1
	dynamic = 2
)

const (
	maxStored    = 1<<16 - 1 // bytes in a stored block
	storedHeader = 5 * 8     // bits, when it begins at a byte: 3 for the kind, padding, and the length twice
)

// blockEnd is the first bit of a block, BFINAL of RFC 1951 section 3.2.3.
type blockEnd uint32

const (
	moreFollows blockEnd = 0
	endOfStream blockEnd = 1
)

// blocks writes blocks.
type blocks struct {
	bitWriter
	freq, freq2 [codes]uint32
	lengths     [codes]uint8
	entries     [codes]entry
	head        header
}

var fixedLens = func() (t [codes]uint8) { // RFC 1951 section 3.2.6
	for i := range distances {
		switch {
		case i < 144, i >= 280:
			t[i] = 8
		case i < 256:
			t[i] = 9
		default:
			t[i] = 7
		}
	}
	for i := range distanceCodes {
		t[distances+i] = 5
	}
	return t
}()

var fixedEntries = func() (t [codes]entry) {
	assignBoth(&fixedLens, &t)
	return t
}()

// assignBoth builds the literal and the distance codes of a block.
func assignBoth(lens *[codes]uint8, entries *[codes]entry) {
	assign(lens[:distances], extraBits[:distances], entries[:distances])
	assign(lens[distances:], extraBits[distances:], entries[distances:])
}

// block writes the symbols ys of text in the shortest form.
func (b *blocks) block(ys []symbol, text []byte, end blockEnd) {
	b.count(ys)
	codeLengths(b.freq[:literalCodes], b.lengths[:literalCodes], maxBits)
	codeLengths(b.freq[distances:distances+distanceCodes], b.lengths[distances:distances+distanceCodes], maxBits)
	head, own, common := b.head.describe(&b.lengths), 0, 0
	for i, f := range b.freq {
		own += int(f) * int(b.lengths[i]+extraBits[i])
		common += int(f) * int(fixedLens[i]+extraBits[i])
	}
	plain := max(1, (len(text)+maxStored-1)/maxStored)*storedHeader + 8*len(text)
	switch {
	case plain < min(head+own, common):
		b.store(text, end)
	case common <= head+own:
		b.put(uint32(end)|fixed<<1, 3)
		b.symbols(ys, &fixedEntries)
		b.symbol(endOfBlock, &fixedEntries)
	default:
		assignBoth(&b.lengths, &b.entries)
		b.put(uint32(end)|dynamic<<1, 3)
		b.head.write(&b.bitWriter)
		b.symbols(ys, &b.entries)
		b.symbol(endOfBlock, &b.entries)
	}
}

// count counts the codes of ys and of the end of the block.
func (b *blocks) count(ys []symbol) {
	// Two tables: with one, equal symbols in a row would wait for each other's increment.
	clear(b.freq[:])
	clear(b.freq2[:])
	for ; len(ys) >= 4; ys = ys[4:] {
		b.freq[ys[0]%codes]++
		b.freq2[ys[1]%codes]++
		b.freq[ys[2]%codes]++
		b.freq2[ys[3]%codes]++
	}
	for _, y := range ys {
		b.freq[y%codes]++
	}
	for i, n := range b.freq2 {
		b.freq[i] += n
	}
	b.freq[endOfBlock]++
}

// store writes text uncompressed, in as many stored blocks as needed. end applies to the last of
// them.
func (b *blocks) store(text []byte, end blockEnd) {
	for {
		n := min(len(text), maxStored)
		bit := end
		if n < len(text) {
			bit = moreFollows
		}
		b.put(uint32(bit)|stored<<1, 3)
		b.align()
		b.put(uint32(n)|^uint32(n)<<16, 32)
		b.out = append(b.out, text[:n]...)
		if text = text[n:]; len(text) == 0 {
			return
		}
	}
}
