package mongosource

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// The compressors of OP_COMPRESSED, numbered from 0.
const (
	compressNone = iota
	compressSnappy
	compressZlib
	compressZstd
)

var errInflate = errors.New("a compressed message that is damaged or larger than it says")

// inflate decompresses m, an OP_COMPRESSED message. Its header is followed by the kind of the
// original message (4 bytes), its length (4), the compressor (1) and the compressed body.
func inflate(m []byte) ([]byte, error) {
	const fields = 4 + 4 + 1
	if len(m) < headerBytes+fields {
		return nil, errInflate
	}
	kind, size := m[headerBytes:headerBytes+4], int(int32(binary.LittleEndian.Uint32(m[headerBytes+4:])))
	if size < 0 || size > maxMessageBytes-headerBytes {
		return nil, fmt.Errorf("a compressed message of %d bytes", size)
	}
	out, err := inflateBody(m[headerBytes+8], m[headerBytes+fields:], size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errInflate, err)
	}
	whole := make([]byte, headerBytes, headerBytes+len(out))
	copy(whole, m[:12])
	copy(whole[12:], kind)
	binary.LittleEndian.PutUint32(whole, uint32(headerBytes+len(out)))
	return append(whole, out...), nil
}

// inflateBody decompresses body. The result must have size bytes.
func inflateBody(compressor byte, body []byte, size int) ([]byte, error) {
	var out []byte
	var err error
	switch compressor {
	case compressNone:
		out = body
	case compressSnappy:
		var n int
		if n, err = snappy.DecodedLen(body); err == nil && n == size {
			out, err = snappy.Decode(nil, body)
		}
	case compressZlib:
		var r io.ReadCloser
		if r, err = zlib.NewReader(bytes.NewReader(body)); err == nil {
			out, err = io.ReadAll(io.LimitReader(r, int64(size)+1))
		}
	case compressZstd:
		d := zstds.Get().(*zstd.Decoder)
		defer zstds.Put(d)
		out, err = d.DecodeAll(body, nil)
	default:
		return nil, fmt.Errorf("by compressor %d", compressor)
	}
	if err == nil && len(out) != size {
		err = fmt.Errorf("%d bytes, not %d", len(out), size)
	}
	return out, err
}

var zstds = sync.Pool{New: func() any {
	// These options are valid, so there is no error.
	d, _ := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxMessageBytes), zstd.WithDecoderConcurrency(1))
	return d
}}
