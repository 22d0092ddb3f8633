package codec

import (
	"bufio"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// parallelFrames unpacks, in parallel, the frames whose headers have the size of the content.
type parallelFrames struct {
	maxWindow        int64
	requireChecksums bool
	allowEmpty       bool
	decoders         sync.Pool
}

// cut emits the frames whose headers have the size of the content. From the first other frame on,
// it unpacks the stream itself. The length of a frame is the sum of the lengths in its block
// headers (RFC 8878 section 3.1.1).
func (f *parallelFrames) cut(in *input, emit func(*unit) error) error {
	w := &frameScanner{
		src: bufio.NewReaderSize(in, chunkSize), maxWindow: uint64(f.maxWindow),
		requireChecksums: f.requireChecksums, allowEmpty: f.allowEmpty,
	}
	for {
		h, err := w.header()
		switch {
		case err == io.EOF: //nolint:errorlint // the walk's own end
			return in.expectEnd()
		case err != nil:
			return in.fail(err)
		}
		if !h.HasFCS || h.FrameContentSize > maxUnit || h.DictionaryID != 0 {
			d, err := newZstdReader(&frameStream{frameScanner: w, h: h, left: h.HeaderSize}, f.maxWindow)
			if err != nil {
				return in.fail(err)
			}
			defer d.release()
			return readUnits(in, d, emit)
		}
		packed, err := readFrame(w.src, h)
		if err == nil {
			err = w.addFrame(h, len(packed), packed[len(packed)-4:])
		}
		if err != nil {
			return in.fail(notEOF(err))
		}
		if err := emit(&unit{packed: packed, size: int(h.FrameContentSize)}); err != nil {
			return err
		}
	}
}

// readFrame reads the frame with the header h.
func readFrame(src *bufio.Reader, h *zstd.Header) ([]byte, error) {
	packed := make([]byte, h.HeaderSize, h.HeaderSize+64+int(h.FrameContentSize)/3)
	if _, err := io.ReadFull(src, packed); err != nil {
		return nil, err
	}
	for {
		var err error
		if packed, err = appendN(packed, src, 3); err != nil {
			return nil, err
		}
		size, last, err := blockSizeOf(packed[len(packed)-3:])
		if err != nil {
			return nil, err
		}
		if packed, err = appendN(packed, src, size); err != nil {
			return nil, err
		}
		if len(packed) > maxUnit+1<<20 {
			return nil, zstd.ErrFrameSizeExceeded // longer than any encoding of its content
		}
		if !last {
			continue
		}
		if h.HasCheckSum {
			packed, err = appendN(packed, src, 4)
		}
		return packed, err
	}
}

// appendN appends the next n bytes of r.
func appendN(b []byte, r io.Reader, n int) ([]byte, error) {
	at := len(b)
	for cap(b) < at+n {
		b = append(b[:cap(b)], 0)
	}
	b = b[:at+n]
	_, err := io.ReadFull(r, b[at:])
	return b, err
}

// unpack returns the content of a frame.
func (f *parallelFrames) unpack(u *unit) ([]byte, error) {
	d, ok := f.decoders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		// The size of the content, which the header has, already limits the output. A limit on the
		// memory would also limit the window.
		if d, err = zstd.NewReader(nil, zstdOptions(f.maxWindow)...); err != nil {
			return nil, err
		}
	}
	defer f.decoders.Put(d)
	plain, err := d.DecodeAll(u.packed, make([]byte, 0, u.size))
	if err != nil {
		return nil, err
	}
	if len(plain) != u.size {
		return nil, zstd.ErrFrameSizeMismatch
	}
	return plain, nil
}
