package stream_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// lender emits its chunks in one buffer if it may lend them.
type lender struct{ chunks []string }

func (l lender) Each(ctx context.Context, emit func([]byte) error) error {
	for _, c := range l.chunks {
		if err := emit([]byte(c)); err != nil {
			return err
		}
	}
	return nil
}

func (l lender) WriteTo(ctx context.Context, w io.Writer) error {
	var buf []byte
	for _, c := range l.chunks {
		buf = append(buf[:0], c...)
		if n, err := w.Write(buf); err != nil || n != len(buf) {
			return err
		}
	}
	return nil
}

func TestEachLent(t *testing.T) {
	chunks := []string{"one", "two", "six"}
	for name, test := range map[string]struct {
		src  stream.Source[[]byte]
		lent bool
	}{
		"a lender":         {lender{chunks}, true},
		"any other source": {source.Of([]byte("one"), []byte("two"), []byte("six")), false},
	} {
		var kept [][]byte
		var all []byte
		err := stream.EachLent(t.Context(), test.src, func(p []byte) error {
			kept, all = append(kept, p), append(all, p...)
			return nil
		})
		if err != nil || !bytes.Equal(all, []byte("onetwosix")) {
			t.Errorf("%s: %q, %v", name, all, err)
		}
		if lent := slices.Equal(kept[0], kept[2]); lent != test.lent {
			t.Errorf("%s: the chunks were lent: %t", name, lent)
		}
		boom := errors.New("boom")
		taken := 0
		err = stream.EachLent(t.Context(), test.src, func([]byte) error { taken++; return boom })
		if err != boom || taken != 1 {
			t.Errorf("%s: %v after %d chunks, expected the consumer's error as it is after one", name, err, taken)
		}
	}
}
