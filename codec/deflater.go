package codec

import (
	"hash"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"

	"github.com/millweir/millweir/internal/deflate"
)

const (
	maxDeflateLevel = 9
	deflateState    = 1 << 20 // bytes of memory of a deflater
)

// deflater is a pooled encoder of raw deflate. The lower levels use our own, which is faster. The
// higher levels use klauspost's, which compresses better.
type deflater interface {
	io.WriteCloser
	releaser
}

func newDeflater(w io.Writer, level int) deflater {
	if level <= deflate.MaxLevel {
		return fastDeflater{deflate.NewEncoder(w, level)}
	}
	return newThoroughDeflater(w, level)
}

type fastDeflater struct{ *deflate.Encoder }

func (d fastDeflater) release() { d.Release() }

// thoroughDeflaters holds idle encoders, by level.
var thoroughDeflaters [maxDeflateLevel + 1]sync.Pool

type thoroughDeflater struct {
	*flate.Writer
	level int
}

func newThoroughDeflater(w io.Writer, level int) *thoroughDeflater {
	if d, ok := thoroughDeflaters[level].Get().(*thoroughDeflater); ok {
		d.Reset(w)
		return d
	}
	d, err := flate.NewWriter(w, level)
	if err != nil {
		panic(err) // the level was checked
	}
	return &thoroughDeflater{d, level}
}

func (d *thoroughDeflater) release() {
	d.Reset(io.Discard)
	thoroughDeflaters[d.level].Put(d)
}

// appendDeflated appends text to out as a whole deflate stream.
func appendDeflated(out, text []byte, level int) ([]byte, error) {
	if level <= deflate.MaxLevel {
		return deflate.AppendStream(out, text, level), nil
	}
	return appendThoroughly(out, text, level, (*flate.Writer).Close)
}

// appendDeflatedPart appends text to out up to a byte boundary, without a last block.
func appendDeflatedPart(out, text []byte, level int) ([]byte, error) {
	if level <= deflate.MaxLevel {
		return deflate.AppendPart(out, text, level), nil
	}
	return appendThoroughly(out, text, level, (*flate.Writer).Flush)
}

// appendThoroughly appends text to out with a thoroughDeflater, and ends it with end.
func appendThoroughly(out, text []byte, level int, end func(*flate.Writer) error) ([]byte, error) {
	to := &sliceWriter{out}
	w := newThoroughDeflater(to, level)
	defer w.release()
	_, err := w.Write(text)
	if err == nil {
		err = end(w.Writer)
	}
	return to.b, err
}

// sliceWriter is an io.Writer that appends to a slice.
type sliceWriter struct{ b []byte }

// Write implements [io.Writer].
func (a *sliceWriter) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// checksummed is a deflate stream between a header and a checksum of the text.
type checksummed struct {
	deflater
	to      io.Writer
	sum     hash.Hash32
	size    uint32 // of the text in bytes, modulo 1<<32
	trailer func(sum, size uint32) []byte
}

// newChecksummed writes the header and returns the stream.
func newChecksummed(w io.Writer, header []byte, level int, sum hash.Hash32,
	trailer func(sum, size uint32) []byte,
) (*checksummed, error) {
	if _, err := w.Write(header); err != nil {
		return nil, err
	}
	return &checksummed{deflater: newDeflater(w, level), to: w, sum: sum, trailer: trailer}, nil
}

// Write implements [io.Writer].
func (s *checksummed) Write(p []byte) (int, error) {
	_, _ = s.sum.Write(p) // never fails
	s.size += uint32(len(p))
	return s.deflater.Write(p)
}

// Close implements [io.Closer].
func (s *checksummed) Close() error {
	if err := s.deflater.Close(); err != nil {
		return err
	}
	_, err := s.to.Write(s.trailer(s.sum.Sum32(), s.size))
	return err
}
