package codec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"testing"

	"github.com/millweir/millweir/codec"
)

// bgzipEnd is the empty member that ends a file of bgzip, as section 4.1.2 of the SAM/BAM format
// specification prints it.
const bgzipEnd = "\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x06\x00" +
	"\x42\x43\x02\x00\x1b\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// memberWith returns text as a member with an extra field. The last bytes of extra are set to the
// length that stated returns, for a deflate stream and a whole member of this length.
func memberWith(t testing.TB, text []byte, extra string, stated func(deflated, whole int) []byte) []byte {
	m := append([]byte("\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff"), byte(len(extra)), byte(len(extra)>>8))
	m = append(m, extra...)
	z := must(t)(bytesThrough(codec.Deflate(nil), text, 0))
	length := stated(len(z), len(m)+len(z)+8)
	copy(m[len(m)-len(length):], length)
	m = binary.LittleEndian.AppendUint32(append(m, z...), crc32.ChecksumIEEE(text))
	return binary.LittleEndian.AppendUint32(m, uint32(len(text)))
}

func bgzipMember(t testing.TB, text []byte) []byte {
	return memberWith(t, text, "BC\x02\x00..", func(_, whole int) []byte {
		return binary.LittleEndian.AppendUint16(nil, uint16(whole-1))
	})
}

func migzMember(t testing.TB, text []byte) []byte {
	return memberWith(t, text, "MZ\x04\x00....", func(deflated, _ int) []byte {
		return binary.LittleEndian.AppendUint32(nil, uint32(deflated))
	})
}

// membersOf joins the members of parts of text.
func membersOf(text []byte, size int, member func([]byte) []byte) (all []byte) {
	for p := range slices.Chunk(text, size) {
		all = append(all, member(p)...)
	}
	return all
}

// otherGzips returns text as bgzip and MiGz write it, and the size of their blocks.
func otherGzips(t testing.TB, text []byte) map[string]struct {
	packed []byte
	block  int
} {
	const bgzipBlock, migzBlock = 0xff00, 512 << 10
	return map[string]struct {
		packed []byte
		block  int
	}{
		"bgzip": {
			append(membersOf(text, bgzipBlock, func(p []byte) []byte { return bgzipMember(t, p) }), bgzipEnd...),
			bgzipBlock,
		},
		"migz": {membersOf(text, migzBlock, func(p []byte) []byte { return migzMember(t, p) }), migzBlock},
		"another subfield first": {membersOf(text, migzBlock, func(p []byte) []byte {
			return memberWith(t, p, "XX\x03\x00abcMZ\x04\x00....", func(deflated, _ int) []byte {
				return binary.LittleEndian.AppendUint32(nil, uint32(deflated))
			})
		}), migzBlock},
	}
}

func gunzipBy(n int) flow { return codec.Gunzip(&codec.GunzipOptions{Parallelism: n}) }

// TestGunzipOtherWriters reads the members of bgzip and MiGz. In parallel, each is one chunk.
func TestGunzipOtherWriters(t *testing.T) {
	text := jsonText(3 << 20)
	for name, c := range otherGzips(t, text) {
		if got := stdGunzip(t, c.packed); !bytes.Equal(got, text) {
			t.Fatalf("%s: the standard library reads %d bytes of %d", name, len(got), len(text))
		}
		for _, n := range []int{1, 2, 5} {
			for _, cut := range []int{0, 1, 50_000} {
				if cut == 1 && n != 2 {
					continue // slow, and no different
				}
				got, err := through(gunzipBy(n), c.packed, cut)
				if err != nil || !bytes.Equal(bytes.Join(got, nil), text) {
					t.Errorf("%s by %d, cut at %d: %d chunks, %v", name, n, cut, len(got), err)
				}
				if n > 1 && (len(got) == 0 || len(got[0]) != c.block) {
					t.Errorf("%s by %d: the first chunk has %d bytes, want a block of %d", name, n, len(got[0]),
						c.block)
				}
			}
		}
	}
}

// TestGunzipOtherWritersMixed joins members of several writers, with and without lengths.
func TestGunzipOtherWritersMixed(t *testing.T) {
	a, b := jsonText(200_000), noise(100_000)
	ours := must(t)(bytesThrough(codec.Gzip(&codec.GzipOptions{Parallelism: 1}), a, 0))
	migz, plain := migzMember(t, b), stdGzip(b)
	empty := migzMember(t, nil)
	for name, c := range map[string]struct {
		parts, want [][]byte
		padded      bool
	}{
		"ours, then migz":           {parts: [][]byte{ours, migz}, want: [][]byte{a, b}},
		"migz, then ours":           {parts: [][]byte{migz, ours}, want: [][]byte{b, a}},
		"migz, plain, migz":         {parts: [][]byte{migz, plain, migz}, want: [][]byte{b, b, b}},
		"an empty member":           {parts: [][]byte{empty}},
		"an empty one in between":   {parts: [][]byte{migz, empty, migz}, want: [][]byte{b, b}},
		"padding":                   {parts: [][]byte{migz, make([]byte, 5000)}, want: [][]byte{b}, padded: true},
		"padding of a single block": {parts: [][]byte{empty, make([]byte, 1)}, padded: true},
	} {
		for _, n := range []int{1, 2} {
			f := codec.Gunzip(&codec.GunzipOptions{Parallelism: n, AllowPadding: c.padded})
			got, err := bytesThrough(f, bytes.Join(c.parts, nil), 50_000)
			if err != nil || !bytes.Equal(got, bytes.Join(c.want, nil)) {
				t.Errorf("%s by %d: %d bytes, %v", name, n, len(got), err)
			}
		}
	}
}

// TestGunzipOtherWritersDamaged changes lengths, trailers and ends. One goroutine and several must
// refuse the same streams.
func TestGunzipOtherWritersDamaged(t *testing.T) {
	text := jsonText(100_000)
	migz, bgzip := migzMember(t, text), bgzipMember(t, text[:60_000])
	set := func(m []byte, at int, p ...byte) []byte {
		m = bytes.Clone(m)
		copy(m[at:], p)
		return m
	}
	end := func(m []byte, n int) int { return len(m) - n }
	small := migzMember(t, []byte("small"))
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"a length of 4 GiB":            {set(migz, 16, 255, 255, 255, 255), codec.ErrSyntax},
		"a length of 17 MiB":           {set(migz, 16, 0, 0, 16, 1), codec.ErrSyntax},
		"a length of 8 MiB":            {set(migz, 16, 0, 0, 128, 0), nil},
		"a length of 0":                {set(migz, 16, 0, 0, 0, 0), codec.ErrSyntax},
		"a length of bgzip of 1":       {set(bgzip, 16, 0, 0), codec.ErrSyntax},
		"one byte more":                {set(migz, 16, migz[16]+1), nil},
		"one byte less":                {set(migz, 16, migz[16]-1), nil},
		"a size of 4 GiB":              {set(migz, end(migz, 4), 255, 255, 255, 255), nil},
		"a size of 16 MiB in 30 bytes": {set(small, end(small, 4), 0, 0, 0, 1), nil},
		"a size of 5,000 in 30 bytes":  {set(small, end(small, 4), 0x88, 0x13, 0, 0), nil},
		"another checksum":             {set(migz, end(migz, 8), migz[end(migz, 8)]+1), nil},
		"cut in the trailer":           {migz[:end(migz, 1)], io.ErrUnexpectedEOF},
		"cut in the extra field":       {migz[:17], io.ErrUnexpectedEOF},
		"cut in the second member":     {slices.Concat(migz, migz[:1000]), io.ErrUnexpectedEOF},
		"cut in the second header":     {slices.Concat(migz, migz[:11]), io.ErrUnexpectedEOF},
		"bytes after the end":          {slices.Concat(migz, []byte("x")), codec.ErrTrailing},
		"padding that is not allowed":  {slices.Concat(migz, make([]byte, 9)), codec.ErrTrailing},
		"a field of ours inside":       {set(migz, 12, 'M', 'W'), codec.ErrSyntax},
	} {
		for _, n := range []int{1, 2} {
			got, err := bytesThrough(gunzipBy(n), c.in, 50_000)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s by %d: %d bytes, %v, want %v", name, n, len(got), err, c.want)
			}
		}
	}
}

// TestGunzipLargeMembers reads members with a length that are too large to unpack as a whole.
func TestGunzipLargeMembers(t *testing.T) {
	zeros := make([]byte, 17<<20)
	for name, in := range map[string][]byte{
		"much content": migzMember(t, zeros),
		"much of both": migzMember(t, noise(17<<20)),
	} {
		got, err := bytesThrough(gunzipBy(2), slices.Concat(migzMember(t, []byte("a")), in), 50_000)
		if err != nil || len(got) != 17<<20+1 {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}
