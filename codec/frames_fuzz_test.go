package codec_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func FuzzSplitDelimited(f *testing.F) {
	f.Add([]byte("a--b---c"), []byte("--"), 1)
	f.Add([]byte("aaaa"), []byte("aa"), 3)
	f.Fuzz(func(t *testing.T, in, sep []byte, cut int) {
		if len(sep) == 0 {
			return
		}
		out, err := through(codec.SplitDelimited(sep, nil), in, max(cut, 0))
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Split(in, sep)
		if len(want[len(want)-1]) == 0 {
			want = want[:len(want)-1]
		}
		sameElements(t, out, want)
		// Joining the records again returns the same text except for its end, or an error.
		back, err := stream.Run(context.Background(), stream.Via(source.Slice(want), codec.JoinDelimited(sep)),
			sink.Slice[[]byte]())
		if err == nil {
			if again, err := through(codec.SplitDelimited(sep, nil), bytes.Join(back, nil), max(cut, 0)); err != nil {
				t.Fatal(err)
			} else {
				sameElements(t, again, want)
			}
		} else if !errors.Is(err, codec.ErrSyntax) {
			t.Fatal(err)
		}
	})
}

func FuzzSplitLengthField(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02ab\x00\x00\x00\x00"), 2, false, 1)
	f.Add([]byte("\x01a\x00"), 0, true, 0)
	f.Fuzz(func(t *testing.T, in []byte, size int, little bool, cut int) {
		o := &codec.LengthFieldOptions{Size: 1 << (size & 3), LittleEndian: little, MaxLength: 1 << 20}
		out, err := through(codec.SplitLengthField(o), in, max(cut, 0))
		joined, jerr := stream.Run(context.Background(), stream.Via(source.Slice(out), codec.JoinLengthField(o)),
			sink.Slice[[]byte]())
		if jerr != nil {
			t.Fatal(jerr)
		}
		// The frames are a prefix of the input: all of it unless there was an error.
		got := bytes.Join(joined, nil)
		if !bytes.HasPrefix(in, got) || err == nil && len(got) != len(in) {
			t.Fatalf("%d of %d bytes, %v", len(got), len(in), err)
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, codec.ErrTooLong) {
			t.Fatal(err)
		}
	})
}

func FuzzRechunk(f *testing.F) {
	f.Add([]byte("some text"), 3, 2)
	f.Fuzz(func(t *testing.T, in []byte, n, cut int) {
		if n < 1 {
			return
		}
		out, err := through(codec.Rechunk(n), in, max(cut, 0))
		if err != nil {
			t.Fatal(err)
		}
		sameElements(t, out, chunksOf(in, n))
	})
}
