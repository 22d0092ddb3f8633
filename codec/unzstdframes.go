package codec

import (
	"bufio"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// frameReader reads frames that tell their size, in parallel.
type frameReader struct {
	window   int64
	decoders sync.Pool
}

// cut emits the frames whose headers tell their content's size. From the first other frame on it unpacks the stream itself.
// A frame's own length is found without unpacking it: its blocks tell theirs (RFC 8878 section 3.1.1).
func (f *frameReader) cut(in *input, emit func(unit) error) error {
	src := bufio.NewReaderSize(in, chunkSize)
	for frames := 0; ; frames++ {
		head, err := src.Peek(zstd.HeaderMaxSize)
		if len(head) == 0 && errors.Is(err, io.EOF) && frames > 0 {
			return in.drain()
		}
		var h zstd.Header
		if h.Decode(head) != nil || !h.Skippable && (!h.HasFCS || h.FrameContentSize > maxUnit || h.DictionaryID != 0) {
			// Neither a header nor its absence is judged here: the decoder says what is wrong with it.
			d, err := newZstdReader(src, f.window)
			if err != nil {
				return in.fail(err)
			}
			if c, ok := d.(io.Closer); ok {
				defer c.Close()
			}
			return readUnits(in, d, emit)
		}
		if h.Skippable {
			if _, err := io.CopyN(io.Discard, src, 8+int64(h.SkippableSize)); err != nil {
				return in.fail(notEOF(err))
			}
			continue
		}
		packed, err := readFrame(src, &h)
		if err != nil {
			return in.fail(notEOF(err))
		}
		if err := emit(unit{packed: packed, size: int(h.FrameContentSize)}); err != nil {
			return err
		}
	}
}

// readFrame reads the frame with the header h.
func readFrame(src *bufio.Reader, h *zstd.Header) ([]byte, error) {
	const lastBlock, rle, reserved = 1, 1, 3
	packed := make([]byte, h.HeaderSize, h.HeaderSize+64+int(h.FrameContentSize)/3)
	if _, err := io.ReadFull(src, packed); err != nil {
		return nil, err
	}
	for {
		var err error
		if packed, err = appendN(packed, src, 3); err != nil {
			return nil, err
		}
		b := packed[len(packed)-3:]
		block := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
		size := block >> 3
		switch kind := block >> 1 & 3; {
		case kind == rle:
			size = 1
		case kind == reserved, size > 128<<10:
			return nil, zstd.ErrReservedBlockType
		}
		if packed, err = appendN(packed, src, size); err != nil {
			return nil, err
		}
		if len(packed) > maxUnit+1<<20 {
			return nil, zstd.ErrFrameSizeExceeded // longer than its content can be
		}
		if block&lastBlock == 0 {
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
func (f *frameReader) unpack(u unit) ([]byte, error) {
	d, ok := f.decoders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		if d, err = zstd.NewReader(nil, append(zstdOptions(f.window), zstd.WithDecoderMaxMemory(maxUnit))...); err != nil {
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
