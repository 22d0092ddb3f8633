package codec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"unicode/utf8"

	"github.com/millweir/millweir/stream"
)

// ErrUnknownFormat means that the first bytes of a stream belong to no format that [Detect] knows.
// Its class is Data.
var ErrUnknownFormat = stream.Mark(errors.New("unknown format"), stream.Data)

// DetectOptions tunes [Detect]. The zero value is ready to use.
type DetectOptions struct {
	Plain       bool  // pass on an input that is empty or of no known format
	MaxBytes    int64 // as in [GunzipOptions]
	MaxRatio    int64 // as in [GunzipOptions]
	Parallelism int   // as in [GunzipOptions], [UnzstdOptions] and [UnS2Options]

	AllowPadding     bool // as in [GunzipOptions]
	RequireChecksums bool // as in [UnzstdOptions]
}

// Detect returns a flow that decompresses its input by the format that its first bytes show: gzip,
// zstd, zlib, S2 or Snappy.
//
//   - In, out: those of the chosen flow: [Gunzip], [Unzstd], [Unzlib], [UnS2]. With Plain, an input
//     of no known format passes unchanged; one whose signature has a single wrong bit is still an
//     error.
//   - Memory: two chunks, and the chosen flow's.
//   - Goroutines: with Parallelism, those of the chosen flow.
//   - Errors: those of the chosen flow; a [*FormatError] that wraps [ErrUnknownFormat], or
//     [io.ErrUnexpectedEOF] if the input is empty.
//   - Limits: raw deflate has no signature and is not recognized. Only two bytes mark zlib. With
//     Plain, a zlib stream with a window of less than 32 KiB that begins like text passes as text,
//     and text that begins with the letters x^ counts as zlib. Of BSON files whose first document
//     has 64 KiB or more, one in tens of thousands counts as zlib.
func Detect(opts *DetectOptions) stream.Flow[[]byte, []byte] {
	const name = "codec: detect"
	o := valueOf(opts)
	if _, err := newBounds(o.MaxBytes, o.MaxRatio); err != nil {
		return failing[[]byte, []byte](wrap(name, err))
	}
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		if _, err := stream.Parallelism(ctx, o.Parallelism); err != nil { // the chosen flow may have no such option
			return wrap(name, err)
		}
		return withInput(ctx, name, src, func(in *input) error {
			head := make([]byte, SniffSize)
			n, err := io.ReadFull(in, head[:detectSize])
			if err != nil && in.err != nil {
				return in.err
			}
			f := o.choose(head[:n])
			if f == nil {
				more, _ := io.ReadFull(in, head[n:]) // only for the message
				return in.fail(unknownFormatError(head[:n+more]))
			}
			return f.Apply(&prefixedInput{in, head[:n]}).Each(ctx, emit)
		})
	})
}

// unknownFormatError returns the error for a stream that begins with head.
func unknownFormatError(head []byte) error {
	if near := damagedFileType(head); near != "" {
		return fmt.Errorf("%w: the input begins like %s, but for one bit: it is damaged", ErrUnknownFormat, near)
	}
	err := ErrUnknownFormat
	if len(head) == 0 {
		err = io.ErrUnexpectedEOF
	}
	return newFormatError(typeCompressed, head, err)
}

// damagedFileType returns the type whose signature head has except for one bit, or "".
func damagedFileType(head []byte) FileType {
	for _, f := range []struct {
		mark   string
		format FileType
	}{
		{gzipMagic, TypeGzip},
		{zstdMagic, TypeZstd},
		{s2Magic[:detectSize], TypeS2},
		{snappyMagic[:detectSize], TypeS2},
	} {
		if len(head) < len(f.mark) {
			continue
		}
		changed := 0
		for i := range f.mark {
			changed += bits.OnesCount8(head[i] ^ f.mark[i])
		}
		if changed == 1 {
			return f.format
		}
	}
	return ""
}

// choose returns the flow for a stream that begins with head, or nil.
func (o *DetectOptions) choose(head []byte) stream.Flow[[]byte, []byte] {
	is := func(magic string) bool { return len(head) >= len(magic) && string(head[:len(magic)]) == magic }
	begun := func(magic string) bool { // BSON may begin with the same four bytes, but not with the fifth
		n := min(len(head), len(magic))
		return n >= 4 && string(head[:n]) == magic[:n]
	}
	switch {
	case is("\x1f\x8b"):
		return Gunzip(&GunzipOptions{
			MaxBytes: o.MaxBytes, MaxRatio: o.MaxRatio, Parallelism: o.Parallelism,
			AllowPadding: o.AllowPadding,
		})
	case is(zstdMagic), len(head) >= 4 && isSkippable(head):
		return Unzstd(&UnzstdOptions{
			MaxBytes: o.MaxBytes, MaxRatio: o.MaxRatio, Parallelism: o.Parallelism,
			RequireChecksums: o.RequireChecksums,
		})
	case begun(s2Magic), begun(snappyMagic):
		return UnS2(&UnS2Options{MaxBytes: o.MaxBytes, MaxRatio: o.MaxRatio, Parallelism: o.Parallelism})
	case looksLikeZlib(head) && (!o.Plain || head[0] == zlibWindow32K || !looksLikeText(head)):
		return Unzlib(&InflateOptions{MaxBytes: o.MaxBytes, MaxRatio: o.MaxRatio})
	case o.Plain && damagedFileType(head) == "":
		return stream.FlowFunc[[]byte, []byte](func(src stream.Source[[]byte]) stream.Source[[]byte] { return src })
	}
	return nil
}

const (
	detectSize    = 7    // bytes that Detect reads: the headers of zlib and of a stored block
	zlibWindow32K = 0x78 // the first byte of zlib with a window of 32 KiB, which nearly all encoders write
)

// looksLikeZlib reports whether head begins with the header of a zlib stream (RFC 1950 section
// 2.2). If a stored block follows, it also checks that the length appears twice (RFC 1951 section
// 3.2.4). This rules out BSON: its length may look like the header, but zeros follow it.
func looksLikeZlib(head []byte) bool {
	if len(head) < 2 || head[0]&15 != 8 || head[0]>>4 > 7 || binary.BigEndian.Uint16(head)%31 != 0 ||
		head[1]&zlibDictionary != 0 {
		return false
	}
	stored := len(head) == detectSize && head[2]>>1&3 == 0
	return !stored || binary.LittleEndian.Uint16(head[3:]) == ^binary.LittleEndian.Uint16(head[5:])
}

// looksLikeText reports whether head is the beginning of UTF-8 text without control characters.
func looksLikeText(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 {
			return !utf8.FullRune(head) // the last rune is incomplete
		}
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return false
		}
		head = head[n:]
	}
	return true
}

// prefixedInput is a source of head and then the rest of in.
type prefixedInput struct {
	in   *input
	head []byte
}

// Each implements [stream.Source].
func (h *prefixedInput) Each(ctx context.Context, emit func([]byte) error) error {
	if len(h.head) > 0 {
		if err := emit(h.head); err != nil {
			return err
		}
	}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p := make([]byte, chunkSize)
		n, err := h.in.Read(p)
		if n > 0 {
			if err := emit(p[:n:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF: //nolint:errorlint // input returns io.EOF itself, and only for a complete upstream
			return nil
		case err != nil:
			return h.in.err
		}
	}
}
