package codec_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestFramesContract(t *testing.T) {
	record := func(i int) []byte { return bytes.Repeat([]byte{'x'}, i*1000) }
	framed := func(in [][]byte) []byte {
		var b []byte
		for _, p := range in {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
		}
		return b
	}
	t.Run("Delimited", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
			New:        func() flow { return codec.SplitDelimited([]byte("\r\n"), nil) },
			Input:      func(n int) [][]byte { return chunksOf(bytes.Repeat([]byte("a record\r\n\r\r\n"), n), 5) },
			OutRecords: true,
			Want: func(t *testing.T, in, out [][]byte) {
				want := bytes.Split(bytes.Join(in, nil), []byte("\r\n"))
				sameElements(t, out, want[:len(want)-1])
			},
			Bad: []flow{codec.SplitDelimited(nil, nil), codec.SplitDelimited([]byte("x"),
				&codec.SplitDelimitedOptions{MaxLength: -1})},
		})
	})
	t.Run("JoinDelimited", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
			New:       func() flow { return codec.JoinDelimited([]byte("--")) },
			In:        record,
			InRecords: true,
			Want: func(t *testing.T, in, out [][]byte) {
				var want []byte
				for _, p := range in {
					want = append(append(want, p...), "--"...)
				}
				sameBytes(t, [][]byte{want}, out)
			},
			Bad: []flow{codec.JoinDelimited(nil)},
		})
	})
	t.Run("LengthField", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
			New: func() flow { return codec.SplitLengthField(nil) },
			Input: func(n int) [][]byte {
				var all [][]byte
				for i := range n {
					all = append(all, framed([][]byte{bytes.Repeat([]byte{'x'}, i)}))
				}
				return all
			},
			OutRecords: true,
			Want: func(t *testing.T, in, out [][]byte) {
				sameBytes(t, in, [][]byte{framed(out)})
			},
			Bad: []flow{
				codec.SplitLengthField(&codec.LengthFieldOptions{Size: 3}),
				codec.SplitLengthField(&codec.LengthFieldOptions{MaxLength: -1}),
			},
		})
	})
	t.Run("JoinLengthField", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
			New:       func() flow { return codec.JoinLengthField(nil) },
			In:        record,
			InRecords: true,
			Want: func(t *testing.T, in, out [][]byte) {
				sameBytes(t, [][]byte{framed(in)}, out)
			},
			Bad: []flow{
				codec.JoinLengthField(&codec.LengthFieldOptions{Size: 16}),
				codec.JoinLengthField(&codec.LengthFieldOptions{MaxLength: -1}),
			},
		})
	})
	t.Run("Rechunk", func(t *testing.T) {
		streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
			New:        func() flow { return codec.Rechunk(50) },
			OutRecords: true,
			Want: func(t *testing.T, in, out [][]byte) {
				sameElements(t, out, chunksOf(bytes.Join(in, nil), 50))
			},
			Bad: []flow{codec.Rechunk(0), codec.Rechunk(-1)},
		})
	})
}

func TestSplitDelimited(t *testing.T) {
	for _, c := range []struct {
		sep, in string
		want    []string
	}{
		{",", "", nil},
		{",", ",", []string{""}},
		{",", "a,b", []string{"a", "b"}},
		{",", "a,,b,", []string{"a", "", "b"}},
		{"--", "a--b-c---d", []string{"a", "b-c", "-d"}},
		{"aa", "aaa", []string{"", "a"}},
		{"aa", "baaaaab", []string{"b", "", "ab"}},
		{"abac", "ababac_abac", []string{"ab", "_"}},
		{"\x00\x00\x01", "\x00\x00\x00\x01x\x00\x00\x01", []string{"\x00", "x"}},
		{"long delimiter", "long delimitelong delimiter", []string{"long delimite"}},
		{"ab", "xa", []string{"xa"}},
	} {
		for cut := range 16 {
			out, err := through(codec.SplitDelimited([]byte(c.sep), nil), []byte(c.in), cut)
			if got := fmt.Sprintf("%q", out); err != nil || got != fmt.Sprintf("%q", c.want) {
				t.Errorf("%q by %q, cut at %d: %s, %v, want %q", c.in, c.sep, cut, got, err, c.want)
			}
		}
	}
	sep := []byte(";")
	f := codec.SplitDelimited(sep, nil)
	sep[0] = 'x'
	if out, err := through(f, []byte("1;2x"), 0); err != nil || len(out) != 2 {
		t.Errorf("the caller's slice was kept: %q, %v", out, err)
	}
}

func TestSplitDelimitedTooLong(t *testing.T) {
	for _, c := range []struct {
		in             string
		record, offset int64
	}{
		{"abcd", 1, 0},
		{"abcd--", 1, 0},
		{"abc--ab--abcdefg", 3, 9},
		{"abc-abc-", 1, 0},
	} {
		for cut := range 6 {
			_, err := through(codec.SplitDelimited([]byte("--"), &codec.SplitDelimitedOptions{MaxLength: 3}),
				[]byte(c.in), cut)
			var at *codec.InputError
			if !errors.Is(err, codec.ErrTooLong) || !errors.As(err, &at) || at.Record != c.record ||
				at.Offset != c.offset {
				t.Errorf("%q cut at %d: %v", c.in, cut, err)
			}
		}
	}
	for cut := range 6 {
		if out, err := through(codec.SplitDelimited([]byte("--"), &codec.SplitDelimitedOptions{MaxLength: 3}),
			[]byte("abc--ab---"), cut); err != nil || len(out) != 3 {
			t.Errorf("cut at %d: %q, %v", cut, out, err)
		}
	}
}

func TestSplitDelimitedLargestLength(t *testing.T) {
	for cut := range 6 {
		out, err := through(codec.SplitDelimited([]byte("--"), &codec.SplitDelimitedOptions{MaxLength: math.MaxInt}),
			[]byte("abc--def--g"), cut)
		if err != nil || len(out) != 3 {
			t.Errorf("cut at %d: %q, %v", cut, out, err)
		}
	}
}

func TestJoinDelimitedRefuses(t *testing.T) {
	for _, c := range []struct {
		sep    string
		in     []string
		record int64 // 0 for no error
		offset int64
	}{
		{",", []string{"a", "b,c"}, 2, 3},
		{"--", []string{"a-b", "c-"}, 2, 6},
		{"--", []string{"-a", "-"}, 2, 4},
		{"aa", []string{"xa"}, 1, 1},
		{"ab", []string{"a", "b", ""}, 0, 0},
	} {
		var in [][]byte
		for _, s := range c.in {
			in = append(in, []byte(s))
		}
		out, err := stream.Run(context.Background(), stream.Via(source.Slice(in), codec.JoinDelimited([]byte(c.sep))),
			sink.Slice[[]byte]())
		var at *codec.InputError
		if c.record == 0 {
			if err != nil {
				t.Errorf("%q: %v", c.in, err)
				continue
			}
			back, err := through(codec.SplitDelimited([]byte(c.sep), nil), bytes.Join(out, nil), 0)
			if err != nil {
				t.Errorf("%q: %v", c.in, err)
			}
			sameElements(t, back, in)
		} else if !errors.Is(err, codec.ErrSyntax) || !errors.As(err, &at) || at.Record != c.record ||
			at.Offset != c.offset {
			t.Errorf("%q: %v", c.in, err)
		}
	}
}

func TestSplitLengthField(t *testing.T) {
	frames := [][]byte{[]byte("a"), {}, bytes.Repeat([]byte("b"), 255), []byte("c")}
	for _, o := range []codec.LengthFieldOptions{
		{},
		{Size: 1},
		{Size: 2},
		{Size: 4, LittleEndian: true},
		{Size: 8},
		{Size: 8, LittleEndian: true},
		{Size: 1, LittleEndian: true},
		{MaxLength: 255},
	} {
		out, err := stream.Run(context.Background(), stream.Via(source.Slice(frames), codec.JoinLengthField(&o)),
			sink.Slice[[]byte]())
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		text := bytes.Join(out, nil)
		for _, cut := range []int{0, 1, 2, 3, 7} {
			back, err := through(codec.SplitLengthField(&o), text, cut)
			if err != nil {
				t.Fatalf("%+v cut at %d: %v", o, cut, err)
			}
			sameElements(t, back, frames)
		}
		for n := range text {
			_, err := through(codec.SplitLengthField(&o), text[:n], 2)
			edge := atEdge(frames, o.Size, n)
			if (err == nil) != edge || !edge && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%+v: %d of %d bytes: %v", o, n, len(text), err)
			}
		}
	}
}

// atEdge reports whether a frame begins or ends at offset n.
func atEdge(frames [][]byte, size, n int) bool {
	if size == 0 {
		size = 4
	}
	at := 0
	for _, p := range frames {
		if at == n {
			return true
		}
		at += size + len(p)
	}
	return at == n
}

func TestLengthFieldTooLong(t *testing.T) {
	for _, c := range []struct {
		o              codec.LengthFieldOptions
		in             string
		record, offset int64
	}{
		{codec.LengthFieldOptions{MaxLength: 2}, "\x00\x00\x00\x02ab\x00\x00\x00\x03", 2, 6},
		{codec.LengthFieldOptions{}, "\xff\xff\xff\xff", 1, 0},
		{codec.LengthFieldOptions{Size: 8}, "\xff\xff\xff\xff\xff\xff\xff\xff", 1, 0},
		{codec.LengthFieldOptions{Size: 8, LittleEndian: true}, "\x00\x00\x00\x00\x00\x00\x00\x80", 1, 0},
	} {
		_, err := through(codec.SplitLengthField(&c.o), []byte(c.in), 1)
		var at *codec.InputError
		if !errors.Is(err, codec.ErrTooLong) || !errors.As(err, &at) || at.Record != c.record || at.Offset != c.offset {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
	for _, c := range []struct {
		o  codec.LengthFieldOptions
		n  int
		ok bool
	}{
		{codec.LengthFieldOptions{Size: 1}, 255, true},
		{codec.LengthFieldOptions{Size: 1}, 256, false},
		{codec.LengthFieldOptions{Size: 2}, 65535, true},
		{codec.LengthFieldOptions{Size: 2}, 65536, false},
		{codec.LengthFieldOptions{MaxLength: 9}, 9, true},
		{codec.LengthFieldOptions{MaxLength: 9}, 10, false},
	} {
		err := drain(stream.Via(source.Of(make([]byte, c.n)), codec.JoinLengthField(&c.o)))
		if (err == nil) != c.ok || !c.ok && !errors.Is(err, codec.ErrTooLong) {
			t.Errorf("%+v: %d bytes: %v", c.o, c.n, err)
		}
	}
}

func TestRechunk(t *testing.T) {
	for _, size := range []int{0, 1, 6, 7, 8, 14, 15, 700} {
		data := noise(size)
		for cut := range 16 {
			out, err := through(codec.Rechunk(7), data, cut)
			if err != nil {
				t.Fatal(err)
			}
			sameElements(t, out, chunksOf(data, 7))
			for _, p := range out {
				if len(p) == 7 && cap(p) != 7 {
					t.Fatalf("a chunk has room for %d bytes of another's", cap(p)-len(p))
				}
			}
		}
	}
}
