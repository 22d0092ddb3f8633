package codec

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millweir/millweir/internal/early"
	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// Decoder returns a flow that decodes its input with the reader that open returns, a type like
// gzip.Reader. Every run opens one reader, and closes it if it is an io.Closer. The errors of the
// reader are prefixed with name, as in "codec: gunzip".
//
//   - In: byte chunks of any size. The reader that is passed to open is also an [io.ByteReader], so
//     that the decoders of the standard library read nothing after their end. A decoder with its
//     own buffer may lose bytes after its end without an error.
//   - Out: each Read makes one chunk, of at most 64 KiB. Ownership is as in [Encoder].
//   - End: after the decoder's io.EOF the upstream is read to its end, so that a layer around it
//     (encryption, a checksum) finishes its checks.
//   - Memory: one chunk of the upstream, one chunk of output, and the decoder's.
//   - Goroutines: none; the upstream runs as a coroutine of the decoder.
//   - Errors: those of the upstream, unchanged; those of open, Read and Close, wrapped, of class
//     Data unless they have a class; [ErrTrailing] if bytes follow the end; [io.ErrNoProgress]
//     after 100 reads without a byte.
func Decoder(name string, open func(io.Reader) (io.Reader, error)) stream.Flow[[]byte, []byte] {
	return boundedDecoder(name, bounds{}, open)
}

// boundedDecoder returns a [Decoder] with limits.
func boundedDecoder(name string, max bounds, open func(io.Reader) (io.Reader, error)) stream.Flow[[]byte, []byte] {
	if open == nil {
		return failing[[]byte, []byte](wrap(name, errNilOpen))
	}
	return lend.Flow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error, lent bool) error {
		return withInput(ctx, name, src, func(in *input) error {
			return decode(ctx, in, max, open, &memory{lent: lent}, emit)
		})
	})
}

// lazyDecoder is a boundedDecoder that calls open when the first bytes have arrived.
func lazyDecoder(name string, max bounds, open func(io.Reader) (io.Reader, error)) stream.Flow[[]byte, []byte] {
	return boundedDecoder(name, max, func(r io.Reader) (io.Reader, error) {
		r.(*input).await()
		return open(r)
	})
}

var errAbandoned = errors.New("codec: the run was abandoned")

const (
	maxEmptyReads = 100     // reads without a byte until the run fails
	minChunkRoom  = 4 << 10 // free bytes below which a new chunk begins
)

// decode runs the decoder on in until both have ended. It emits chunks from mem.
func decode(ctx context.Context, in *input, max bounds, open func(io.Reader) (io.Reader, error), mem *memory,
	emit func([]byte) error,
) (err error) {
	d, err := open(in)
	if err != nil {
		return in.fail(err)
	}
	if r, ok := d.(releaser); ok {
		defer r.release()
	}
	if c, ok := d.(io.Closer); ok {
		defer func() {
			switch cerr := c.Close(); {
			case cerr == nil || err != nil && ending.Is(err, cerr):
			case err == nil:
				err = in.fail(cerr)
			default:
				err = errors.Join(err, malformed(in.name, cerr))
			}
		}()
	}
	var buf []byte
	var total int64
	for idle := 0; ; {
		if len(buf) < minChunkRoom {
			buf = mem.get(chunkSize)
		}
		n, err := d.Read(buf)
		if n < 0 || n > len(buf) {
			return in.fail(fmt.Errorf("Read returned %d for %d bytes", n, len(buf)))
		}
		if n > 0 {
			// One input chunk can yield many output chunks, so the upstream's check of the context
			// is not enough.
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			idle = 0
			total += int64(n)
			if err := max.check(total, in.n); err != nil {
				return in.fail(err)
			}
			p := buf[:n:n]
			buf = buf[n:]
			if err := emit(p); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF && in.err == nil: //nolint:errorlint // an io.EOF inside another error is a failure
			return in.expectEnd()
		case err != nil:
			return in.fail(err)
		case n == 0:
			if idle++; idle == maxEmptyReads {
				return in.fail(io.ErrNoProgress)
			}
		}
	}
}

// expectEnd reads the upstream to its end. It fails if bytes follow.
func (in *input) expectEnd() error {
	var p [1]byte
	switch n, err := in.Read(p[:]); {
	case n > 0:
		return in.fail(ErrTrailing)
	case err == io.EOF: //nolint:errorlint // input returns io.EOF itself, and only for a complete upstream
		return nil
	default:
		return in.fail(err)
	}
}

// withInput runs body with src as its input, and then ends src with the error of body as the cause.
func withInput(ctx context.Context, name string, src stream.Source[[]byte], body func(*input) error) (err error) {
	in := newInput(ctx, name, src)
	cause := errAbandoned // the upstream's cause if body panics
	defer func() { err = in.close(cause, err) }()
	err = body(in)
	cause = err
	return err
}

// input reads the upstream for a decoder. It remembers how the upstream ended.
type input struct {
	name      string // the stage's name in errors
	r         io.ReadCloser
	n         int64  // bytes read
	unread    []byte // bytes of buf that ReadByte has not returned
	buf       []byte // buffer of ReadByte
	completed bool   // the upstream's Each returned nil
	err       error  // the upstream's error, once Read has returned it
	eof       bool
}

func newInput(ctx context.Context, name string, src stream.Source[[]byte]) *input {
	in := &input{name: name}
	in.r = stream.Reader(early.Detached(ctx),
		stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			err := stream.EachLent(ctx, src, emit) // a reader is done with a chunk before it asks for the next
			in.completed = err == nil
			return err
		}))
	return in
}

// fail returns the upstream's error if there is one, because a decoder may replace it by another.
// Otherwise it returns err with the stage's name.
func (in *input) fail(err error) error {
	if in.err != nil {
		return in.err
	}
	return malformed(in.name, err)
}

// Read implements [io.Reader]. It returns io.EOF only if the upstream completed: not if the
// upstream failed with io.EOF.
func (in *input) Read(p []byte) (int, error) {
	if len(in.unread) > 0 {
		n := copy(p, in.unread)
		in.unread = in.unread[n:]
		return n, nil
	}
	switch {
	case in.eof:
		return 0, io.EOF
	case in.err != nil:
		return 0, notEOF(in.err)
	}
	n, err := in.r.Read(p)
	in.n += int64(n)
	switch {
	case err == nil:
	case in.completed && err == io.EOF: //nolint:errorlint // stream.Reader returns io.EOF itself
		in.eof = true
	default:
		in.err = err
		err = notEOF(err)
	}
	return n, err
}

// ReadByte implements [io.ByteReader].
func (in *input) ReadByte() (byte, error) {
	for len(in.unread) == 0 {
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	c := in.unread[0]
	in.unread = in.unread[1:]
	return c, nil
}

// fill reads some bytes into buf, or returns an error. unread must be empty.
func (in *input) fill() error {
	if in.buf == nil {
		in.buf = make([]byte, minChunkRoom)
	}
	n, err := in.Read(in.buf)
	if n == 0 && err != nil {
		return err
	}
	in.unread = in.buf[:n] // the next read returns the error again
	return nil
}

// await waits for the first bytes of the upstream, or for its end. A decoder that has large state
// is made after that, so that many runs that wait for data take little memory.
func (in *input) await() { _ = in.fill() }

// notEOF returns err, or io.ErrUnexpectedEOF if a decoder could take err for the end.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// close ends the upstream with cause, unless it has ended, and returns err joined with the
// upstream's error.
func (in *input) close(cause, err error) error {
	if cause == nil {
		return err
	}
	c, ok := in.r.(interface{ CloseWithError(error) error })
	if !ok {
		return errors.Join(err, in.r.Close())
	}
	switch added := c.CloseWithError(cause); {
	case added == nil:
		return err
	case ending.Is(added, err):
		return added // err itself, or err joined with other errors
	default:
		return errors.Join(err, added)
	}
}
