package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

var background = context.Background()

// errWrongOutput is the error of a competitor with wrong output.
var errWrongOutput = errors.New("the output is not what it should be")

// codecRun is the work of an encoder or a decoder, which writes bytes.
type codecRun func(w io.Writer) error

// flow runs f over in.
func flow(in [][]byte, f stream.Flow[[]byte, []byte]) codecRun {
	return outputOf(stream.Via(source.Slice(in), f))
}

// outputOf writes the chunks of src.
func outputOf(src stream.Source[[]byte]) codecRun {
	return func(w io.Writer) error {
		_, err := stream.Run(background, src, sink.Writer(w))
		return err
	}
}

// writerOutput writes in through a writer like those of compress. It makes the writer once, and
// resets it for every run.
func writerOutput[W interface {
	io.WriteCloser
	Reset(io.Writer)
}](in [][]byte, z W) codecRun {
	return func(w io.Writer) error {
		z.Reset(w)
		for _, p := range in {
			if _, err := z.Write(p); err != nil {
				return err
			}
		}
		return z.Close()
	}
}

// caseBuilder builds a case of codecs that all do the same work.
type caseBuilder struct {
	report.Case
	right func(output []byte) error // checks the output of a run
	err   error                     // the first error of a peer
}

// peer returns the peer that does c, after it has checked the output of one run. Later runs must
// write the same number of bytes.
func (b *caseBuilder) peer(name string, bar report.Bar, c codecRun) report.Peer {
	p, _ := b.peerOfSize(name, bar, c)
	return p
}

// peerOfSize is peer, and also returns the number of bytes that a run writes.
func (b *caseBuilder) peerOfSize(name string, bar report.Bar, c codecRun) (report.Peer, int64) {
	var output bytes.Buffer
	err := c(&output)
	if err == nil {
		err = b.right(output.Bytes())
	}
	if err != nil && b.err == nil {
		b.err = fmt.Errorf("%s: %s: %w", b.Name, name, err)
	}
	size, want := int64(output.Len()), b.Want
	return report.Peer{Name: name, Bar: bar, Run: func() (int64, error) {
		var n byteCounter
		if err := c(&n); err != nil {
			return 0, err
		}
		if int64(n) != size {
			return 0, fmt.Errorf("%d bytes, not %d: %w", n, size, errWrongOutput)
		}
		return want, nil
	}}, size
}

// byteCounter is a writer that counts bytes.
type byteCounter int64

func (c *byteCounter) Write(p []byte) (int, error) {
	*c += byteCounter(len(p))
	return len(p), nil
}

// equals reports whether the output is want.
func equals(want []byte) func([]byte) error {
	return func(output []byte) error {
		if !bytes.Equal(output, want) {
			return errWrongOutput
		}
		return nil
	}
}

// decodesTo reports whether another library's decoder decodes the output to want.
func decodesTo(want []byte, open func(io.Reader) (io.Reader, error)) func([]byte) error {
	return func(output []byte) error {
		r, err := open(bytes.NewReader(output))
		if err != nil {
			return err
		}
		plain, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		return equals(want)(plain)
	}
}
