package codec

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// zstdMagic begins a frame with content.
const zstdMagic = "\x28\xb5\x2f\xfd"

// zstdHeader is the size of the longest frame header, in bytes: the magic number, the descriptor,
// the window, the dictionary's number and the size of the content (RFC 8878 section 3.1.1.1).
// zstd.HeaderMaxSize is too small.
const zstdHeader = 4 + 1 + 1 + 4 + 8

var errNoChecksum = errors.New("a frame has no checksum")

// frameScanner follows the frames of a stream (RFC 8878 section 3.1). It skips skippable frames,
// and checks the seek table of a stream that announces one.
type frameScanner struct {
	src              *bufio.Reader
	maxWindow        uint64                    // largest window of a frame, in bytes
	reserve          func(window uint64) error // takes the memory for a frame; may be nil
	requireChecksums bool                      // every frame must have a checksum
	allowEmpty       bool                      // accept a stream without content
	frames           int                       // number so far, skippable ones included
	contentFrames    int                       // number so far, without skippable ones
	table            *expectedTable            // the table that must end the stream; nil if none was announced
	afterTable       bool                      // the table was the last frame
}

// header advances to the next frame with content and returns its header, which stays unread. It
// returns io.EOF at a valid end.
func (w *frameScanner) header() (*zstd.Header, error) {
	for {
		head, err := w.src.Peek(zstdHeader)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if len(head) == 0 && w.frames > 0 && w.table == nil {
			if w.contentFrames == 0 && !w.allowEmpty {
				return nil, fmt.Errorf("%w: no frame but skippable ones", io.ErrUnexpectedEOF)
			}
			return nil, io.EOF
		}
		if err := w.checkMagic(head); err != nil {
			return nil, err
		}
		h := new(zstd.Header)
		if err := h.Decode(head); err != nil {
			return nil, err
		}
		w.frames++
		if h.Skippable {
			if err := w.skip(h); err != nil {
				return nil, notEOF(err)
			}
			continue
		}
		w.contentFrames++
		w.afterTable = false
		if windowOf(h) > w.maxWindow {
			return nil, zstd.ErrWindowSizeExceeded
		}
		if w.requireChecksums && !h.HasCheckSum {
			return nil, errNoChecksum
		}
		if w.table != nil && !(h.HasFCS && h.HasCheckSum && h.FrameContentSize <= maxUnit) {
			return nil, fmt.Errorf("%w: a frame of another writer in the stream", ErrSyntax)
		}
		if w.reserve != nil {
			return h, w.reserve(windowOf(h))
		}
		return h, nil
	}
}

// checkMagic checks the first bytes of the next frame.
func (w *frameScanner) checkMagic(head []byte) error {
	n := min(len(head), len(zstdMagic))
	switch {
	case n == 0 && w.frames == 0:
		return newFormatError(TypeZstd, nil, io.ErrUnexpectedEOF)
	case string(head[:n]) == zstdMagic[:n], isSkippable(head):
		return nil
	case w.frames == 0:
		head, _ = w.src.Peek(SniffSize)
		return newFormatError(TypeZstd, head, zstd.ErrMagicMismatch)
	case w.table != nil:
		return zstd.ErrMagicMismatch
	}
	return trailingError(w.src)
}

// isSkippable reports whether head begins a skippable frame. head may be shorter than the magic
// number.
func isSkippable(head []byte) bool {
	const magic = "\x2a\x4d\x18" // after a byte from 0x50 to 0x5f
	n := min(len(head), 1+len(magic))
	return n > 0 && head[0]&0xf0 == 0x50 && string(head[1:n]) == magic[:n-1]
}

// windowOf returns the largest distance in the output that a frame may refer back to, in bytes.
func windowOf(h *zstd.Header) uint64 {
	if h.SingleSegment {
		return h.FrameContentSize
	}
	return h.WindowSize
}

// skip reads a skippable frame.
func (w *frameScanner) skip(h *zstd.Header) error {
	if head, _ := w.src.Peek(len(seekMark)); damagedMark(head) {
		return fmt.Errorf("%w: the header of a skippable frame is damaged", ErrSyntax)
	}
	size := int64(h.HeaderSize) + int64(h.SkippableSize)
	if head, err := w.src.Peek(len(seekMark)); err == nil && string(head) == seekMark {
		if w.table != nil {
			return fmt.Errorf("%w: a stream within another", ErrSyntax)
		}
		w.table, w.afterTable = newExpectedTable(), false
	} else if w.table != nil {
		if err := w.table.compare(w.src); err != nil {
			return err
		}
		w.table, w.afterTable = nil, true
		return nil
	} else if head, err := w.src.Peek(8 + seekEntry); err == nil && ourTable(head) {
		return fmt.Errorf("%w: a table of frames whose beginning is missing", ErrSyntax)
	}
	if w.afterTable {
		return ErrTrailing // no check covers a frame after the table
	}
	_, err := io.CopyN(io.Discard, w.src, size)
	return err
}

// addFrame records a frame that was read. packed is its size, and sum is its checksum: its last
// bytes.
func (w *frameScanner) addFrame(h *zstd.Header, packed int, sum []byte) error {
	if w.table != nil && !w.table.add(packed, int(h.FrameContentSize), sum) {
		return errTooManyFrames
	}
	return nil
}

// blockSizeOf returns the length of the block with the 3 header bytes b, and whether it is the last
// one of its frame.
func blockSizeOf(b []byte) (size int, last bool, err error) {
	const rle, reserved = 1, 3
	head := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	size = head >> 3
	switch kind := head >> 1 & 3; {
	case kind == rle:
		size = 1
	case kind == reserved, size > 128<<10:
		return 0, false, zstd.ErrReservedBlockType
	}
	return size, head&1 == 1, nil
}

// frameStream is the stream without skippable frames, as a decoder reads it.
type frameStream struct {
	*frameScanner
	h      *zstd.Header // of the current frame
	packed int          // bytes of the current frame so far
	left   int          // bytes to pass on before the next header
	last   bool         // these bytes include the last block of the frame
	err    error        // io.EOF at the end, or why the stream is refused
}

// Read implements [io.Reader].
func (w *frameStream) Read(p []byte) (int, error) {
	for w.left == 0 {
		if w.err == nil {
			w.err = w.next()
		}
		if w.err != nil {
			return 0, w.err
		}
	}
	n, err := w.src.Read(p[:min(len(p), w.left)])
	w.left -= n
	w.packed += n
	if err != nil {
		w.err = notEOF(err)
	}
	return n, w.err
}

// next finds the next part of the stream.
func (w *frameStream) next() error {
	switch {
	case w.h == nil:
		h, err := w.header()
		if err != nil {
			return err
		}
		w.h, w.packed, w.last, w.left = h, 0, false, h.HeaderSize
		return nil
	case !w.last:
		b, err := w.src.Peek(3)
		if err != nil {
			return notEOF(err)
		}
		size, last, err := blockSizeOf(b)
		w.left, w.last = 3+size, last
		return err
	}
	h := w.h
	w.h = nil
	if !h.HasCheckSum {
		return w.addFrame(h, w.packed, nil)
	}
	sum, err := w.src.Peek(4)
	if err != nil {
		return notEOF(err)
	}
	w.left = 4
	return w.addFrame(h, w.packed+4, sum)
}
