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
	"github.com/millweir/millweir/stream"
)

// GunzipOptions tunes [Gunzip]. The zero value is ready to use.
type GunzipOptions struct {
	MaxBytes int64 // decompressed bytes in all; 0 means 16 TiB, -1 no limit
	MaxRatio int64 // decompressed bytes for each compressed one, looked at beyond 256 MiB of them; 0 means 200,000, -1 no limit

	// Parallelism is how many goroutines decompress. 0 and 1 mean none. Members that [Gzip] wrote with Parallelism are read
	// that way; from the first other member on, one goroutine does all.
	Parallelism int
}

// Gunzip returns a flow that decompresses the gzip format (RFC 1952), the mirror of [Gzip].
//
//   - In: byte chunks of any size, of one or more members. Out: chunks of at most 64 KiB, with Parallelism one a member.
//   - Errors: [io.ErrUnexpectedEOF] when the input ends before the trailer of a member, or is empty; gzip.ErrHeader and
//     gzip.ErrChecksum of compress/gzip for a bad header, anything but a member behind a member, or damage; [*LimitError]. Of
//     members that Gzip wrote with Parallelism, [io.ErrUnexpectedEOF] also where the last ones are missing, and [ErrSyntax] where
//     they are not those that were written, or their order is another. Members of others have no numbers: an input that was cut
//     exactly between two of those cannot be told from a whole one. What must not lose its end needs an end record inside or a
//     layer such as age outside.
//   - Memory: about 250 KiB; with Parallelism n about 3n MiB, and for members of others that look like ours up to 96n MiB.
//   - Order and goroutines: fused; with Parallelism n the order is kept, n goroutines decompress and one runs the upstream.
//   - Limits: deflate reaches 1,032:1 at most, so that only MaxBytes bounds a bomb unless MaxRatio is set below that. Large
//     documents that repeat word for word stay under 300:1, zeros do not.
func Gunzip(opts *GunzipOptions) stream.Flow[[]byte, []byte] {
	var o GunzipOptions
	if opts != nil {
		o = *opts
	}
	max, err := newBounds(o.MaxBytes, o.MaxRatio)
	if err != nil {
		return failing[[]byte, []byte](wrap("codec: gunzip", err))
	}
	if err := checkParallelism(o.Parallelism); err != nil {
		return failing[[]byte, []byte](wrap("codec: gunzip", err))
	}
	if o.Parallelism > 1 {
		return unpacking("codec: gunzip", max, o.Parallelism, cutMembers, unpackMember)
	}
	return reading("codec: gunzip", max, func(r io.Reader) (io.Reader, error) { return newGunzipper(r, new(memberSequence)), nil })
}

// gunzipper reads the members of a gzip stream one after the other. The header is parsed here, so that it cannot end early
// without an error, wherever it is cut.
type gunzipper struct {
	src      *bufio.Reader
	inflate  inflate.Reader
	digest   uint32
	size     uint32
	inMember bool
	empty    bool // so is the member, so far
	members  int
	seq      *memberSequence
	scratch  [8]byte
}

var gunzippers sync.Pool

func newGunzipper(r io.Reader, seq *memberSequence) *gunzipper {
	z, ok := gunzippers.Get().(*gunzipper)
	if !ok {
		z = &gunzipper{src: bufio.NewReaderSize(nil, chunkSize)}
	}
	z.src.Reset(r)
	z.inMember, z.members, z.seq = false, 0, seq
	return z
}

func (z *gunzipper) release() {
	z.src.Reset(nil)
	gunzippers.Put(z)
}

// Read implements [io.Reader].
func (z *gunzipper) Read(p []byte) (int, error) {
	for {
		if !z.inMember {
			if err := z.begin(); err != nil {
				return 0, err
			}
		}
		n, err := z.inflate.Read(p)
		z.digest = crc32.Update(z.digest, crc32.IEEETable, p[:n])
		z.size += uint32(n)
		z.empty = z.empty && n == 0
		if err == io.EOF { //nolint:errorlint // inflate's own end
			err = z.end()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// begin reads the header of the next member. It returns io.EOF when there is none.
func (z *gunzipper) begin() error {
	if _, err := z.src.Peek(1); err != nil {
		if errors.Is(err, io.EOF) && (z.members == 0 && !z.seq.ended || z.seq.open) {
			return io.ErrUnexpectedEOF // no member at all, or not all
		}
		return err
	}
	h, err := readGzipHeader(z.src)
	if err == nil {
		err = z.seq.begin(h.extra)
	}
	if err != nil {
		return err
	}
	z.inflate.Reset(z.src)
	z.digest, z.size, z.empty = 0, 0, true
	z.inMember = true
	z.members++
	return nil
}

// end checks the trailer of a member.
func (z *gunzipper) end() error {
	t := z.scratch[:]
	if _, err := io.ReadFull(z.src, t); err != nil {
		return notEOF(err)
	}
	if binary.LittleEndian.Uint32(t) != z.digest || binary.LittleEndian.Uint32(t[4:]) != z.size {
		return gzip.ErrChecksum
	}
	z.inMember = false
	return z.seq.end(t, z.empty)
}
