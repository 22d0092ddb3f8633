package codec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestSplitLinesContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New:        func() flow { return codec.SplitLines(nil) },
		OutRecords: true,
		Want: func(t *testing.T, in, out [][]byte) {
			sameElements(t, out, bytesLines(bytes.Join(in, nil)))
		},
	})
}

func TestJoinLinesContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New:       func() flow { return codec.JoinLines() },
		In:        func(i int) []byte { return bytes.Repeat([]byte{'x'}, i*1000) },
		InRecords: true,
		Want: func(t *testing.T, in, out [][]byte) {
			var want []byte
			for _, line := range in {
				want = append(append(want, line...), '\n')
			}
			if !bytes.Equal(bytes.Join(out, nil), want) {
				t.Errorf("got %d bytes, want %d", len(bytes.Join(out, nil)), len(want))
			}
		},
	})
}

func sameElements(t *testing.T, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d elements, want %d: %.200q", len(got), len(want), got)
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("element %d is %.200q, want %.200q", i, got[i], want[i])
		}
	}
}

// bytesLines is a simple reference implementation of splitting lines.
func bytesLines(p []byte) [][]byte {
	all := bytes.Split(p, []byte("\n"))
	if len(all[len(all)-1]) == 0 {
		all = all[:len(all)-1]
	}
	return all
}

func TestSplitLines(t *testing.T) {
	for _, c := range []struct {
		in   string
		opts codec.SplitLinesOptions
		want []string
	}{
		{"", codec.SplitLinesOptions{}, nil},
		{"\n", codec.SplitLinesOptions{}, []string{""}},
		{"a", codec.SplitLinesOptions{}, []string{"a"}},
		{"a\n", codec.SplitLinesOptions{}, []string{"a"}},
		{"a\n\nb", codec.SplitLinesOptions{}, []string{"a", "", "b"}},
		{"a\r\nb\r", codec.SplitLinesOptions{}, []string{"a\r", "b\r"}},
		{"a\r\nb\r", codec.SplitLinesOptions{TrimCR: true}, []string{"a", "b"}},
		{"a\r\r\n\r\n", codec.SplitLinesOptions{TrimCR: true}, []string{"a\r", ""}},
		{"\n\r\na\n\n", codec.SplitLinesOptions{TrimCR: true, SkipEmpty: true}, []string{"a"}},
		{"\n\r\na\n\n", codec.SplitLinesOptions{SkipEmpty: true}, []string{"\r", "a"}},
		{"\ufeffa\n", codec.SplitLinesOptions{}, []string{"\ufeffa"}},
		{"abc\nab\nabc", codec.SplitLinesOptions{MaxLength: 3}, []string{"abc", "ab", "abc"}},
		{"abc\r\nabc\r", codec.SplitLinesOptions{MaxLength: 3, TrimCR: true}, []string{"abc", "abc"}},
	} {
		for cut := range 4 {
			out, err := through(codec.SplitLines(&c.opts), []byte(c.in), cut)
			if err != nil {
				t.Errorf("%q cut at %d: %v", c.in, cut, err)
			}
			if got := fmt.Sprintf("%q", out); got != fmt.Sprintf("%q", c.want) {
				t.Errorf("%q cut at %d: %s, want %q", c.in, cut, got, c.want)
			}
		}
	}
}

func TestSplitLinesTooLong(t *testing.T) {
	for _, c := range []struct {
		in     string
		trim   bool
		record int64
		offset int64
	}{
		{"abcd", false, 1, 0},
		{"abcd\n", false, 1, 0},
		{"abc\nab\nabcdefgh\nx", false, 3, 7},
		{"abc\r\n", false, 1, 0},
		{"abcd\r\n", true, 1, 0},
		{"abc\r\r\n", true, 1, 0},
		{"a\nabcd", true, 2, 2},
	} {
		for cut := range 6 {
			_, err := through(codec.SplitLines(&codec.SplitLinesOptions{MaxLength: 3, TrimCR: c.trim}), []byte(c.in),
				cut)
			var at *codec.InputError
			if !errors.Is(err, codec.ErrTooLong) || !errors.As(err, &at) || at.Record != c.record ||
				at.Offset != c.offset {
				t.Errorf("%q cut at %d: %v", c.in, cut, err)
			}
		}
	}
	if err := drain(stream.Via(pieces([]byte("x"), 0),
		codec.SplitLines(&codec.SplitLinesOptions{MaxLength: -1}))); err == nil {
		t.Error("negative MaxLength: no error")
	}
}

// TestSplitLinesCut cuts a text at every pair of positions, for lines that are owned and lines that
// are lent.
func TestSplitLinesCut(t *testing.T) {
	in := []byte("one\r\n\n\r\r\nlonger, two\nabc\r\n\nlast\r")
	for _, c := range []struct {
		opts codec.SplitLinesOptions
		want []string
	}{
		{codec.SplitLinesOptions{}, []string{"one\r", "", "\r\r", "longer, two", "abc\r", "", "last\r"}},
		{codec.SplitLinesOptions{TrimCR: true}, []string{"one", "", "\r", "longer, two", "abc", "", "last"}},
		{codec.SplitLinesOptions{TrimCR: true, SkipEmpty: true, MaxLength: 11}, []string{
			"one", "\r", "longer, two",
			"abc", "last",
		}},
	} {
		for i := range len(in) + 1 {
			for j := i; j <= len(in); j++ {
				src := stream.Via(stream.Via(source.Of(in[:i], in[i:j], in[j:]), clone), codec.SplitLines(&c.opts))
				kept, err := stream.Run(context.Background(), src, sink.Slice[[]byte]())
				if err != nil || !slices.EqualFunc(kept, c.want, sameText) {
					t.Fatalf("%+v, cut at %d and %d: %q, %v", c.opts, i, j, kept, err)
				}
				var lent []string
				err = stream.EachLent(context.Background(), src, func(line []byte) error {
					lent = append(lent, string(line))
					return nil
				})
				if err != nil || !slices.Equal(lent, c.want) {
					t.Fatalf("%+v, cut at %d and %d, lent: %q, %v", c.opts, i, j, lent, err)
				}
			}
		}
	}
}

func sameText(p []byte, s string) bool { return string(p) == s }

// TestSplitLinesKeepTheirMemory appends to lines that all span chunks. Their lengths are near those
// at which they are allocated differently.
func TestSplitLinesKeepTheirMemory(t *testing.T) {
	var chunks, want [][]byte
	for i := range 400 {
		n := []int{0, 1, 2, 100, 4_000, 16<<10 - 1, 16 << 10, 16<<10 + 1, 70_000}[i*i%9]
		line := bytes.Repeat([]byte{byte('a' + i%26)}, n)
		want = append(want, line)
		text := append([]byte("|"), line...)
		half := len(text) / 2
		if i > 0 {
			chunks[len(chunks)-1] = append(chunks[len(chunks)-1], text[:half]...)
		} else {
			chunks = append(chunks, text[:half])
		}
		chunks = append(chunks, append(text[half:len(text):len(text)], '\n'))
		want[i] = text
	}
	got, err := stream.Run(context.Background(), stream.Via(source.Slice(chunks), codec.SplitLines(nil)),
		sink.Slice[[]byte]())
	if err != nil {
		t.Fatal(err)
	}
	sameElements(t, got, want)
	for i := range got {
		_ = append(got[i], "spoilt"...)
	}
	sameElements(t, got, want)
}

func TestLongLine(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789abcdef"), 111<<16)
	out, err := through(codec.SplitLines(nil), append(long, "\nnext"...), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	sameElements(t, out, [][]byte{long, []byte("next")})
}

func TestJoinLinesRefusesNewlines(t *testing.T) {
	src := source.Of([]byte("fine"), []byte("two\nlines"))
	err := drain(stream.Via(src, codec.JoinLines()))
	var at *codec.InputError
	if !errors.Is(err, codec.ErrSyntax) || !errors.As(err, &at) || at.Record != 2 || at.Offset != 8 {
		t.Error(err)
	}
}

func FuzzSplitLines(f *testing.F) {
	f.Add([]byte("a\nb\n\nc"), 2)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		out, err := through(codec.SplitLines(nil), in, max(cut, 0))
		if err != nil {
			t.Fatal(err)
		}
		sameElements(t, out, bytesLines(in))
	})
}

func ExampleSplitLines() {
	text := source.Of([]byte("one\ntw"), []byte("o\nthree"))
	err := stream.Via(text, codec.SplitLines(nil)).Each(context.Background(), func(line []byte) error {
		fmt.Printf("%q\n", line)
		return nil
	})
	fmt.Println(err)
	// Output:
	// "one"
	// "two"
	// "three"
	// <nil>
}

// A receiver that uses a line only until the next one can have it lent, which is faster.
func ExampleSplitLines_lent() {
	text := source.Of([]byte("one\ntw"), []byte("o\nthree"))
	longest := 0
	err := stream.EachLent(context.Background(), stream.Via(text, codec.SplitLines(nil)), func(line []byte) error {
		longest = max(longest, len(line))
		return nil
	})
	fmt.Println(longest, err)
	// Output: 5 <nil>
}

func ExampleJoinLines() {
	lines := source.Of([]byte("one"), []byte("two"))
	err := stream.Via(lines, codec.JoinLines()).Each(context.Background(), func(chunk []byte) error {
		fmt.Printf("%q\n", chunk)
		return nil
	})
	fmt.Println(err)
	// Output:
	// "one\ntwo\n"
	// <nil>
}
