package deflate

import (
	"io"
	"sync"
)

// MaxLevel is the most thorough level; the fastest is 1.
const MaxLevel = 6

// Encoder compresses one stream at a time. It may not be used by two goroutines at once.
//
// Memory: about 900 KiB, and what a block becomes: about 1 MiB at most. No block allocates.
type Encoder struct {
	to    io.Writer
	level int
	err   error // for good

	win         window
	low         uint32 // where the text begins in it
	end         int    // and where it ends
	short, long table
	symbols     symbols
	blocks      blocks
	own         []byte // what the blocks are gathered in, when it is not the caller's
}

var encoders = sync.Pool{New: func() any { return new(Encoder) }}

// NewEncoder returns an encoder, which may have been used before, that compresses to w. The level is 1 to [MaxLevel].
func NewEncoder(w io.Writer, level int) *Encoder {
	e := encoders.Get().(*Encoder)
	e.reset(level)
	e.to, e.blocks.out = w, e.own[:0]
	return e
}

// Release gives e back: the caller may not use it any more.
func (e *Encoder) Release() {
	e.to, e.blocks.out = nil, nil
	encoders.Put(e)
}

// reset makes e ready for a stream. The tables are cleared, as what the stream before left there could decide between two matches.
func (e *Encoder) reset(level int) {
	e.level, e.err, e.low, e.end = level, nil, history, history
	e.blocks.acc, e.blocks.n = 0, 0
	if finder := levels[level]; finder.lazy.enough > 0 {
		clear(e.short[:])
	}
	clear(e.long[:])
}

// levels has the match finder of each level.
var levels = [MaxLevel + 1]struct {
	fast fast
	lazy lazy
}{
	1: {fast: fast{ahead: 28, shift: 5}},
	2: {fast: fast{shift: 5}},
	3: {lazy: lazy{enough: 4, step: 3, shift: 5}},
	4: {lazy: lazy{enough: 12, step: 2, shift: 6}},
	5: {lazy: lazy{enough: 64, step: 2, shift: 7}},
	6: {lazy: lazy{enough: maxMatch, step: 1, shift: 8}},
}

// Write implements [io.Writer].
func (e *Encoder) Write(p []byte) (n int, err error) {
	for n < len(p) && e.err == nil {
		if e.end == room {
			e.block(false)
			if e.flush(); e.err != nil {
				break
			}
		}
		k := copy(e.win[e.end:room], p[n:])
		n += k
		e.end += k
	}
	return n, e.err
}

// Close ends the stream. It does not close what e writes to.
func (e *Encoder) Close() error {
	if e.err != nil {
		return e.err
	}
	e.block(true)
	e.blocks.align()
	e.flush()
	return e.err
}

// flush hands on the bytes that are complete.
func (e *Encoder) flush() {
	n, err := e.to.Write(e.blocks.out)
	if err == nil && n < len(e.blocks.out) {
		err = io.ErrShortWrite
	}
	e.err = err
	e.own = e.blocks.out[:0]
	e.blocks.out = e.own
}

// block turns the text in the window into a block.
func (e *Encoder) block(last bool) {
	e.symbols.n = 0
	if f := levels[e.level]; f.lazy.enough > 0 {
		f.lazy.find(&e.win, &e.short, &e.long, &e.symbols, e.low, history, uint32(e.end))
	} else {
		f.fast.find(&e.win, &e.long, &e.symbols, e.low, history, uint32(e.end))
	}
	e.blocks.block(e.symbols.all[:e.symbols.n], e.win[history:e.end], last)
	e.win.slide()
	e.low, e.end = slack, history // before would look in front of the window for less
}

// Append appends text to dst, compressed at a level of 1 to [MaxLevel]. The result is a whole stream where it is the last text, and
// else ends at a byte, with an empty stored block, so that another may follow.
func Append(dst, text []byte, level int, last bool) []byte {
	e := encoders.Get().(*Encoder)
	defer e.Release()
	e.reset(level)
	e.blocks.out = dst
	for {
		n := copy(e.win[e.end:room], text)
		text = text[n:]
		e.end += n
		end := len(text) == 0
		if e.end > history || last {
			e.block(end && last)
		}
		if end {
			break
		}
	}
	if last {
		e.blocks.align()
	} else {
		e.blocks.store(nil, 0)
	}
	return e.blocks.out
}
