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
	MaxBytes int64 // decompressed bytes in total; 0 means 16 TiB, -1 no limit
	MaxRatio int64 // decompressed bytes per compressed byte, after 256 MiB; 0 means 200,000, -1 no limit

	// Parallelism is the number of goroutines that decompress. 0 means the number of
	// [stream.WithParallelism], by default none; -1 and 1 mean none. It applies to members whose
	// header has their length: those of [Gzip] with Parallelism, bgzip and MiGz. From the first
	// other member on, one goroutine decompresses the rest.
	Parallelism int

	// AllowPadding accepts zero bytes after the last member, as tapes leave them and gzip(1)
	// ignores them. It does not accept them after an incomplete stream of [Gzip] with Parallelism.
	// It hides damage that replaced the last members of other writers by zeros.
	AllowPadding bool
}

// Gunzip returns a flow that decompresses the gzip format (RFC 1952), the mirror of [Gzip].
//
//   - In: byte chunks of any size, of one or more members.
//   - Out: chunks of at most 64 KiB; with Parallelism one chunk for each member.
//   - Memory: about 250 KiB; with Parallelism n about 3n MiB, and up to 96n MiB for members of
//     another writer that look like those of Gzip.
//   - Goroutines: with Parallelism n, n goroutines decompress and one runs the upstream. The order
//     is kept.
//   - Errors: [io.ErrUnexpectedEOF] if the input is empty or ends inside a member; gzip.ErrHeader
//     and gzip.ErrChecksum of compress/gzip for damage; a [*FormatError] for another format;
//     [ErrTrailing] if other data follows a member; [ErrSyntax] if the length of a member differs
//     from its header (Gzip, bgzip and MiGz store it there); [*LimitError]. For members that Gzip
//     wrote with Parallelism also io.ErrUnexpectedEOF if the last ones are missing, and ErrSyntax
//     if others are missing, swapped or repeated.
//   - Limits: members of other writers have no numbers, so a stream that was cut between two of
//     them looks complete. To detect that, put an end record inside or a layer such as age outside.
//     Deflate reaches a ratio of 1,032 at most, so the default MaxRatio bounds no bomb. Large
//     documents that repeat word for word stay under 300; zeros do not.
func Gunzip(opts *GunzipOptions) stream.Flow[[]byte, []byte] {
	const name = "codec: gunzip"
	o := valueOf(opts)
	end := exactEnd
	if o.AllowPadding {
		end = paddedEnd
	}
	max, err := newBounds(o.MaxBytes, o.MaxRatio)
	if err != nil {
		return failing[[]byte, []byte](wrap(name, err))
	}
	fused := lazyDecoder(name, max, func(r io.Reader) (io.Reader, error) {
		return newGunzipper(r, new(memberSequence), end), nil
	})
	return byParallelism(name, o.Parallelism, func(w workers) bytesFlow {
		if w.n < 2 {
			return fused
		}
		return unpackFlow(name, max, w, memberSplitter{end}.split, unpackMember)
	})
}

// gzipEnd says what may follow the last member.
type gzipEnd int

const (
	exactEnd  gzipEnd = iota // nothing
	paddedEnd                // zeros
)

// gunzipper reads the members of a gzip stream one after the other. It parses the headers itself,
// so that a truncated header is always an error.
type gunzipper struct {
	counted     countingReader
	src         *bufio.Reader // buffers counted
	end         gzipEnd
	memberStart int64 // offset of the current member
	wantLength  int64 // length of the member by its header; 0 if unknown
	inflate     inflate.Reader
	crc         uint32
	size        uint32
	inMember    bool
	memberEmpty bool // the member has no content so far
	seq         *memberSequence
	scratch     [8]byte
}

var gunzippers sync.Pool

func newGunzipper(r io.Reader, seq *memberSequence, end gzipEnd) *gunzipper {
	z, ok := gunzippers.Get().(*gunzipper)
	if !ok {
		z = &gunzipper{src: bufio.NewReaderSize(nil, chunkSize)}
	}
	z.counted = countingReader{Reader: r}
	z.src.Reset(&z.counted)
	z.inMember, z.seq, z.end = false, seq, end
	return z
}

func (z *gunzipper) release() {
	z.counted.Reader = nil
	gunzippers.Put(z)
}

// Read implements [io.Reader].
func (z *gunzipper) Read(p []byte) (int, error) {
	for {
		if !z.inMember {
			if err := z.readHeader(); err != nil {
				return 0, err
			}
		}
		n, err := z.inflate.Read(p)
		z.crc = crc32.Update(z.crc, crc32.IEEETable, p[:n])
		z.size += uint32(n)
		z.memberEmpty = z.memberEmpty && n == 0
		if err == io.EOF { //nolint:errorlint // inflate's own end
			err = z.checkTrailer()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// readHeader reads the header of the next member. It returns io.EOF if there is none.
func (z *gunzipper) readHeader() error {
	first := !z.seq.begun
	head, err := z.src.Peek(len(gzipMagic))
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case len(head) == 0 && first:
		return newFormatError(TypeGzip, nil, io.ErrUnexpectedEOF)
	case len(head) == 0 && z.seq.open:
		return io.ErrUnexpectedEOF
	case len(head) == 0:
		return io.EOF
	case string(head) == gzipMagic[:len(head)]:
	case first:
		head, _ = z.src.Peek(SniffSize)
		return newFormatError(TypeGzip, head, gzip.ErrHeader)
	case z.seq.open:
		return fmt.Errorf("%w: no member where member %d of the stream should be", ErrSyntax, z.seq.next)
	case z.end == paddedEnd:
		return z.skipPadding()
	default:
		return trailingError(z.src)
	}
	z.memberStart = z.position()
	h, err := readGzipHeader(z.src)
	if err != nil {
		return err
	}
	f, ours, err := parseMemberField(h)
	switch {
	case err != nil:
	case ours:
		z.wantLength, err = int64(f.length), z.seq.begin(f)
	default:
		z.wantLength, err = statedLength(h.extra, z.position()-z.memberStart), z.seq.beginOther()
	}
	if err != nil {
		return err
	}
	z.inflate.Reset(z.src)
	z.crc, z.size, z.memberEmpty = 0, 0, true
	z.inMember = true
	return nil
}

// skipPadding reads zeros up to the end of the input. Then it returns io.EOF.
func (z *gunzipper) skipPadding() error {
	for {
		switch head, err := z.src.Peek(1); {
		case err != nil:
			return err
		case head[0] != 0:
			return trailingError(z.src)
		}
		_, _ = z.src.Discard(1) // cannot fail: Peek returned it
	}
}

// position returns the number of bytes read so far.
func (z *gunzipper) position() int64 { return z.counted.n - int64(z.src.Buffered()) }

// checkTrailer reads and checks the trailer of a member.
func (z *gunzipper) checkTrailer() error {
	t := z.scratch[:]
	if _, err := io.ReadFull(z.src, t); err != nil {
		return notEOF(err)
	}
	if binary.LittleEndian.Uint32(t) != z.crc || binary.LittleEndian.Uint32(t[4:]) != z.size {
		return gzip.ErrChecksum
	}
	if n := z.position() - z.memberStart; z.wantLength != 0 && n != z.wantLength {
		return fmt.Errorf("%w: a member of %d bytes whose header says %d", ErrSyntax, n, z.wantLength)
	}
	z.inMember = false
	return z.seq.end(t, z.memberEmpty)
}

// countingReader counts the bytes that it reads.
type countingReader struct {
	io.Reader
	n int64
}

// Read implements [io.Reader].
func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += int64(n)
	return n, err
}
