package deflate

import (
	"io"
	"sync"
)

// MaxLevel is the most thorough level; the fastest is 1.
const MaxLevel = 6

// Encoder compresses one stream at a time. It must not be used by several goroutines at once.
//
// Memory: about 900 KiB, and the output of one block, at most about 1 MiB. Blocks allocate nothing.
type Encoder struct {
	to    io.Writer
	level int
	err   error // the first error; every later call returns it

	win         window
	textStart   uint32 // first position of text in win, history included
	textEnd     int    // end of the text in win
	short, long table
	symbols     symbols
	blocks      blocks
	buffer      []byte // output memory of NewEncoder, kept for reuse
}

var encoders = sync.Pool{New: func() any { return new(Encoder) }}

// NewEncoder returns an encoder that compresses to w. The level is 1 to [MaxLevel]. The encoder
// comes from a pool: call Release after its last use.
func NewEncoder(w io.Writer, level int) *Encoder {
	e := encoders.Get().(*Encoder)
	e.reset(level)
	e.to, e.blocks.out = w, e.buffer[:0]
	return e
}

// Release returns e to the pool. The caller must not use it again.
func (e *Encoder) Release() {
	e.to, e.blocks.out = nil, nil
	encoders.Put(e)
}

// reset prepares e for a new stream. It clears the hash tables, because entries of the previous
// stream could change the choice between two matches.
func (e *Encoder) reset(level int) {
	e.level, e.err, e.textStart, e.textEnd = level, nil, history, history
	e.blocks.acc, e.blocks.n = 0, 0
	if finder := levels[level]; finder.lazy.enough > 0 {
		clear(e.short[:])
	}
	clear(e.long[:])
}

// levels has the match finder of each level.
var levels = [MaxLevel + 1]struct {
	fast fastFinder
	lazy lazyFinder
}{
	1: {fast: fastFinder{ahead: 28, shift: 5}},
	2: {fast: fastFinder{shift: 5}},
	3: {lazy: lazyFinder{enough: 4, step: 3, shift: 5}},
	4: {lazy: lazyFinder{enough: 12, step: 2, shift: 6}},
	5: {lazy: lazyFinder{enough: 64, step: 2, shift: 7}},
	6: {lazy: lazyFinder{enough: maxMatch, step: 1, shift: 8}},
}

// Write implements [io.Writer].
func (e *Encoder) Write(p []byte) (n int, err error) {
	for n < len(p) && e.err == nil {
		if e.textEnd == windowSize {
			e.block(moreFollows)
			if e.flush(); e.err != nil {
				break
			}
		}
		k := copy(e.win[e.textEnd:windowSize], p[n:])
		n += k
		e.textEnd += k
	}
	return n, e.err
}

// Close ends the stream. It does not close what e writes to.
func (e *Encoder) Close() error {
	if e.err != nil {
		return e.err
	}
	e.endStream()
	e.flush()
	return e.err
}

// flush writes the complete bytes to the underlying writer.
func (e *Encoder) flush() {
	n, err := e.to.Write(e.blocks.out)
	if err == nil && n < len(e.blocks.out) {
		err = io.ErrShortWrite
	}
	e.err = err
	e.buffer = e.blocks.out[:0]
	e.blocks.out = e.buffer
}

// block turns the text in the window into a block.
func (e *Encoder) block(end blockEnd) {
	e.symbols.n = 0
	if f := levels[e.level]; f.lazy.enough > 0 {
		f.lazy.find(&e.win, &e.short, &e.long, &e.symbols, e.textStart, history, uint32(e.textEnd))
	} else {
		f.fast.find(&e.win, &e.long, &e.symbols, e.textStart, history, uint32(e.textEnd))
	}
	e.blocks.block(e.symbols.all[:e.symbols.n], e.win[history:e.textEnd], end)
	e.win.slide()
	e.textStart, e.textEnd = loadSlack, history // the method before loads 8 bytes before a position
}

// AppendStream appends text to dst as a whole stream, compressed at a level of 1 to [MaxLevel].
func AppendStream(dst, text []byte, level int) []byte {
	return appendText(dst, text, level, (*Encoder).endStream)
}

// AppendPart appends text to dst, compressed at a level of 1 to [MaxLevel]. The result ends at a
// byte boundary with an empty stored block, so that the caller may append more.
func AppendPart(dst, text []byte, level int) []byte {
	return appendText(dst, text, level, (*Encoder).endPart)
}

// appendText appends text to dst. When all of text is in the window, end writes the rest.
func appendText(dst, text []byte, level int, end func(*Encoder)) []byte {
	e := encoders.Get().(*Encoder)
	defer e.Release()
	e.reset(level)
	e.blocks.out = dst
	for {
		n := copy(e.win[e.textEnd:windowSize], text)
		text = text[n:]
		e.textEnd += n
		if len(text) == 0 {
			break
		}
		e.block(moreFollows)
	}
	end(e)
	return e.blocks.out
}

func (e *Encoder) endStream() {
	e.block(endOfStream)
	e.blocks.align()
}

func (e *Encoder) endPart() {
	if e.textEnd > history {
		e.block(moreFollows)
	}
	e.blocks.store(nil, moreFollows)
}
