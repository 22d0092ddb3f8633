package codec

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
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

	// AllowPadding accepts zero bytes after the last member, as tapes leave them and gzip(1) passes over them. They are refused
	// otherwise, and where the members are ours and not all of them came. It hides damage that put zeros in the place of members
	// of other programs.
	AllowPadding bool
}

// Gunzip returns a flow that decompresses the gzip format (RFC 1952), the mirror of [Gzip].
//
//   - In: byte chunks of any size, of one or more members. Out: chunks of at most 64 KiB, with Parallelism one a member.
//   - Errors: [io.ErrUnexpectedEOF] if the input ends before the trailer of a member, or is empty; gzip.ErrHeader and
//     gzip.ErrChecksum of compress/gzip for a bad header or damage, as a [*FormatError] if it is another format; [ErrTrailing] if something else follows a member;
//     [*LimitError]; [ErrSyntax] if a member is longer or shorter than its header says, as ours and those of bgzip do. Of members
//     that Gzip wrote with Parallelism, io.ErrUnexpectedEOF also if the last ones are missing, and ErrSyntax if they are not those
//     that were written, or their order is another. Members of others have no numbers: an input that was cut exactly between two of
//     those looks whole. What must not lose its end needs an end record inside or a layer such as age outside.
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
		cut := func(in *input, emit func(*unit) error) error { return cutMembers(in, o.AllowPadding, emit) }
		return unpacking("codec: gunzip", max, o.Parallelism, cut, unpackMember)
	}
	return reading("codec: gunzip", max, func(r io.Reader) (io.Reader, error) {
		return newGunzipper(r, new(memberSequence), o.AllowPadding), nil
	})
}

// gunzipper reads the members of a gzip stream one after the other. The header is parsed here, so that it cannot end early
// without an error, wherever it is cut.
type gunzipper struct {
	from     countedReader
	src      *bufio.Reader // of from
	padding  bool          // may follow
	start    int64         // where the member begins
	length   int64         // of the member, as its header says; 0 if it does not
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

func newGunzipper(r io.Reader, seq *memberSequence, padding bool) *gunzipper {
	z, ok := gunzippers.Get().(*gunzipper)
	if !ok {
		z = &gunzipper{src: bufio.NewReaderSize(nil, chunkSize)}
	}
	z.from = countedReader{Reader: r}
	z.src.Reset(&z.from)
	z.inMember, z.members, z.seq, z.padding = false, 0, seq, padding
	return z
}

func (z *gunzipper) release() {
	z.from.Reader = nil
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
	first := z.members == 0 && !z.seq.ended
	head, err := z.src.Peek(len(gzipMagic))
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case len(head) == 0 && first:
		return notFormat(TypeGzip, nil, io.ErrUnexpectedEOF)
	case len(head) == 0 && z.seq.open:
		return io.ErrUnexpectedEOF
	case len(head) == 0:
		return io.EOF
	case string(head) == gzipMagic[:len(head)]:
	case first:
		head, _ = z.src.Peek(SniffSize)
		return notFormat(TypeGzip, head, gzip.ErrHeader)
	case z.seq.open:
		return fmt.Errorf("%w: no member where member %d of the stream should be", ErrSyntax, z.seq.next)
	case z.padding:
		return z.pad()
	default:
		return trailing(z.src)
	}
	z.start = z.position()
	h, err := readGzipHeader(z.src)
	if err != nil {
		return err
	}
	f, ours, err := parseMemberField(h)
	switch {
	case err != nil:
	case ours:
		z.length, err = int64(f.length), z.seq.begin(f)
	default:
		z.length, err = blockedLength(h.extra), z.seq.beginOther()
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

// pad reads zeros to the end of the input, and returns io.EOF.
func (z *gunzipper) pad() error {
	for {
		switch head, err := z.src.Peek(1); {
		case err != nil:
			return err
		case head[0] != 0:
			return trailing(z.src)
		}
		_, _ = z.src.Discard(1) // it is there
	}
}

// position returns how many bytes were taken.
func (z *gunzipper) position() int64 { return z.from.n - int64(z.src.Buffered()) }

// end checks the trailer of a member.
func (z *gunzipper) end() error {
	t := z.scratch[:]
	if _, err := io.ReadFull(z.src, t); err != nil {
		return notEOF(err)
	}
	if binary.LittleEndian.Uint32(t) != z.digest || binary.LittleEndian.Uint32(t[4:]) != z.size {
		return gzip.ErrChecksum
	}
	if n := z.position() - z.start; z.length != 0 && n != z.length {
		return fmt.Errorf("%w: a member of %d bytes whose header says %d", ErrSyntax, n, z.length)
	}
	z.inMember = false
	return z.seq.end(t, z.empty)
}

// countedReader counts the bytes that it reads.
type countedReader struct {
	io.Reader
	n int64
}

// Read implements [io.Reader].
func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += int64(n)
	return n, err
}
