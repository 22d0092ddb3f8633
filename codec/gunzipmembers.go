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

// cutMembers emits the members whose lengths their headers tell, as [Gzip] with Parallelism writes them. From the first other
// member on it unpacks the stream itself.
func cutMembers(in *input, emit func(*unit) error) error {
	src := bufio.NewReaderSize(in, chunkSize)
	for seq := new(memberSequence); ; {
		head, err := src.Peek(endHeader)
		if len(head) == 0 && errors.Is(err, io.EOF) && seq.ended {
			return in.drain()
		}
		length := knownLength(head)
		if length == 0 {
			z := newGunzipper(src, seq)
			defer z.release()
			return readUnits(in, z, emit)
		}
		if err := seq.begin(head[12:headerOf(head)]); err != nil {
			return in.fail(err)
		}
		packed := make([]byte, length)
		if _, err := io.ReadFull(src, packed); err != nil {
			return in.fail(notEOF(err))
		}
		size := binary.LittleEndian.Uint32(packed[length-4:])
		if size > maxUnit {
			return in.fail(gzip.ErrHeader) // not what our field stands in
		}
		if err := seq.end(packed[length-memberTrailer:], size == 0); err != nil {
			return in.fail(err)
		}
		if err := emit(&unit{packed: packed, size: int(size)}); err != nil {
			return err
		}
	}
}

// knownLength returns the length of the member that begins with head, or 0 when head does not tell.
func knownLength(head []byte) int {
	if len(head) < endHeader {
		return 0
	}
	if start := head[:memberLength]; !bytes.Equal(start, memberStart[:memberLength]) && !bytes.Equal(start, endStart[:]) {
		return 0
	}
	n := binary.LittleEndian.Uint32(head[memberLength:])
	if n < uint32(headerOf(head)+memberTrailer) || n > maxUnit {
		return 0
	}
	return int(n)
}

// headerOf returns how long the header of a member of known length is.
func headerOf(member []byte) int { return 12 + int(member[10]) }

// inflaters has idle decoders of members.
var inflaters = sync.Pool{New: func() any { return new(inflate.Decoder) }}

// unpackMember returns the content of a member of known length.
func unpackMember(u *unit) ([]byte, error) {
	d := inflaters.Get().(*inflate.Decoder)
	defer inflaters.Put(d)
	d.Reset()
	end := len(u.packed) - memberTrailer
	deflated := u.packed[headerOf(u.packed):end]
	plain := make([]byte, u.size)
	n, used, err := d.Decode(plain, 0, deflated, true)
	if err != nil && err != io.EOF { //nolint:errorlint // the decoder's own end
		return nil, err
	}
	// Without an end the content is longer than the trailer says.
	if err == nil || n < len(plain) || used < len(deflated) || crc32.ChecksumIEEE(plain) != binary.LittleEndian.Uint32(u.packed[end:]) {
		return nil, gzip.ErrChecksum
	}
	return plain, nil
}
