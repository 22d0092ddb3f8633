package codec

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"sync"

	"github.com/millweir/millweir/internal/inflate"
)

// memberSplitter cuts a stream into its members.
type memberSplitter struct{ end gzipEnd }

// split emits the members whose headers have their length, without their headers. From the first
// other member on, it decompresses the stream itself.
func (s memberSplitter) split(in *input, emit func(*unit) error) error {
	src := bufio.NewReaderSize(in, chunkSize)
	for seq := new(memberSequence); ; {
		h, ok := peekMemberHead(src)
		if !ok {
			if _, err := src.Peek(1); errors.Is(err, io.EOF) && seq.begun && !seq.open {
				return in.expectEnd()
			}
			return s.stream(in, src, seq, emit)
		}
		member := make([]byte, h.length)
		if _, err := io.ReadFull(src, member); err != nil {
			return in.fail(notEOF(err))
		}
		trailer := member[len(member)-memberTrailer:]
		size := int64(binary.LittleEndian.Uint32(trailer[4:]))
		switch {
		case size > maxUnit && h.ours:
			return in.fail(gzip.ErrHeader) // Gzip does not write members of this size
		case size > maxUnit:
			return s.stream(in, io.MultiReader(bytes.NewReader(member), src), seq, emit)
		}
		begin := seq.beginOther
		if h.ours {
			begin = func() error { return seq.begin(h.field) }
		}
		err := begin()
		if err == nil {
			err = seq.end(trailer, size == 0)
		}
		if err != nil {
			return in.fail(err)
		}
		if err := emit(&unit{packed: member[h.size:], size: int(size)}); err != nil {
			return err
		}
	}
}

// stream decompresses the rest of the input.
func (s memberSplitter) stream(in *input, rest io.Reader, seq *memberSequence, emit func(*unit) error) error {
	z := newGunzipper(rest, seq, s.end)
	defer z.release()
	return readUnits(in, z, emit)
}

// inflaters holds idle decoders.
var inflaters = sync.Pool{New: func() any { return new(inflate.Decoder) }}

// unpackMember returns the content of a member without its header.
func unpackMember(u *unit) ([]byte, error) {
	d := inflaters.Get().(*inflate.Decoder)
	defer inflaters.Put(d)
	d.Reset()
	end := len(u.packed) - memberTrailer
	deflated := u.packed[:end]
	plain := make([]byte, u.size)
	n, used, err := d.DecodeFinal(plain, 0, deflated)
	if err != nil && err != io.EOF { //nolint:errorlint // the decoder's own end
		return nil, err
	}
	// If the decoder has not reached its end, the content is longer than the trailer says.
	if err == nil || n < len(plain) || used < len(deflated) ||
		crc32.ChecksumIEEE(plain) != binary.LittleEndian.Uint32(u.packed[end:]) {
		return nil, gzip.ErrChecksum
	}
	return plain, nil
}
