package codec

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"sync"

	"github.com/millweir/millweir/internal/inflate"
)

// splitMembers emits the members that [Gzip] wrote with Parallelism, without their headers. From
// the first member of another writer on, it decompresses the stream itself.
func splitMembers(in *input, padding bool, emit func(*unit) error) error {
	src := bufio.NewReaderSize(in, chunkSize)
	for seq := new(memberSequence); ; {
		head, err := src.Peek(endHeader)
		if len(head) == 0 && errors.Is(err, io.EOF) && seq.ended {
			return in.expectEnd()
		}
		f, ok := parseMemberStart(head)
		if !ok || f.length < uint32(f.size()+memberTrailer) || f.length > maxUnit {
			z := newGunzipper(src, seq, padding)
			defer z.release()
			return readUnits(in, z, emit)
		}
		if err := seq.begin(f); err != nil {
			return in.fail(err)
		}
		packed := make([]byte, f.length)
		if _, err := io.ReadFull(src, packed); err != nil {
			return in.fail(notEOF(err))
		}
		trailer := packed[len(packed)-memberTrailer:]
		size := binary.LittleEndian.Uint32(trailer[4:])
		if size > maxUnit {
			return in.fail(gzip.ErrHeader) // Gzip does not write members of this size
		}
		if err := seq.end(trailer, size == 0); err != nil {
			return in.fail(err)
		}
		if err := emit(&unit{packed: packed[f.size():], size: int(size)}); err != nil {
			return err
		}
	}
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
