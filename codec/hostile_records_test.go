package codec_test

import (
	"context"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/stream"
)

// Limits of the memory for a record of 128 MiB, the maximum length, and for a value that is parsed
// from it.
const (
	recordMemory = 400 << 20
	jsonMemory   = 640 << 20
	copiedMemory = 720 << 20 // for a record with many members, which encoding/json copies
)

// hostileRecords are records without an end, and malformed texts.
var hostileRecords = []hostile.Row{
	{
		Name: "lines: no newline in 256 MiB", Run: sent(codec.SplitLines(nil), filled("", "x", 256<<20, "")),
		Want: hostile.Is(codec.ErrTooLong), MaxMemory: recordMemory,
	},
	{
		Name: "lines: no newline in 256 MiB, lent", Run: lentTo(codec.SplitLines(nil), filled("", "x", 256<<20, "")),
		Want: hostile.Is(codec.ErrTooLong), MaxMemory: recordMemory,
	},
	{
		Name: "lines: 64 million empty lines", Run: sent(codec.SplitLines(nil), filled("", "\n", 64<<20, "")),
		Want: hostile.Success,
	},
	{Name: "delimited: no delimiter in 256 MiB", Run: sent(codec.SplitDelimited([]byte("--end--"), nil),
		filled("", "x", 256<<20, "")), Want: hostile.Is(codec.ErrTooLong), MaxMemory: recordMemory},
	{
		Name: "delimited: 32 MiB of beginnings of a delimiter",
		Run:  sent(codec.SplitDelimited([]byte("aaaaaaaaaaaaaaab"), nil), filled("", "aaaaaaaaaaaaaaac", 32<<20, "")),
		Want: hostile.Success, MaxMemory: recordMemory,
	},
	{Name: "length field: 2^63", Run: decoded(codec.SplitLengthField(&codec.LengthFieldOptions{Size: 8}),
		[]byte("\x80\x00\x00\x00\x00\x00\x00\x00x")), Want: hostile.Is(codec.ErrTooLong)},
	{Name: "length field: 2^64-1", Run: decoded(codec.SplitLengthField(&codec.LengthFieldOptions{Size: 8}),
		[]byte("\xff\xff\xff\xff\xff\xff\xff\xffx")), Want: hostile.Is(codec.ErrTooLong)},
	{Name: "length field: 128 MiB, and nothing follows", Run: decoded(codec.SplitLengthField(nil),
		[]byte("\x08\x00\x00\x00x")), Want: hostile.Is(io.ErrUnexpectedEOF), MaxMemory: 64 << 20},
	{Name: "length field: a frame of 128 MiB", Run: sent(codec.SplitLengthField(nil), filled("\x08\x00\x00\x00", "x",
		128<<20, "")), Want: hostile.Success, MaxMemory: recordMemory},
	{Name: "length field: 16 million frames of nothing", Run: sent(codec.SplitLengthField(nil),
		filled("", "\x00\x00\x00\x00", 64<<20, "")), Want: hostile.Success},
	{Name: "JSON objects: one without an end", Run: sent(codec.SplitJSONObjects(nil), filled(`{"a":"`, "x", 256<<20,
		"")), Want: hostile.Is(codec.ErrTooLong), MaxMemory: recordMemory},
	{
		Name: "JSON objects: 100 million levels", Run: sent(codec.SplitJSONObjects(nil), filled("", "{", 100<<20, "")),
		Want: hostile.Is(io.ErrUnexpectedEOF), MaxMemory: recordMemory,
	},
	{
		Name: "JSON objects: 256 MiB of white space", Run: sent(codec.SplitJSONObjects(nil),
			filled("", " ", 256<<20, "")),
		Want: hostile.Success,
	},
	{
		Name: "JSON objects: text in between", Run: decoded(codec.SplitJSONObjects(nil), []byte("{}\x1b[2J{}")),
		Want: hostile.Is(codec.ErrSyntax),
	},
	{
		Name: "base64: junk", Run: sent(codec.Unbase64(nil), filled("", "!", 1<<20, "")),
		Want: hostile.Is(codec.ErrSyntax),
	},
	{
		Name: "base64: 32 MiB of newlines", Run: sent(codec.Unbase64(nil), filled("", "\r\n", 32<<20, "")),
		Want: hostile.Success,
	},
	{
		Name: "base64: a letter a line, 16 MiB", Run: sent(codec.Unbase64(nil), filled("", "A\n", 16<<20, "")),
		Want: hostile.Success,
	},
	{
		Name: "base64: padding in the middle", Run: decoded(codec.Unbase64(nil), []byte("AA==AAAA")),
		Want: hostile.Is(codec.ErrSyntax),
	},
	{Name: "hex: junk", Run: sent(codec.Unhex(), filled("", "x", 1<<20, "")), Want: hostile.As[hex.InvalidByteError]()},
	{
		Name: "hex: an odd number of digits", Run: decoded(codec.Unhex(), []byte("abc")),
		Want: hostile.Is(io.ErrUnexpectedEOF),
	},
}

// hostileJSON are texts for encoding/json.
var hostileJSON = []hostile.Row{
	{
		Name: "JSON lines: a string of 120 MiB", Run: jsonLines(filled(`"`, "x", 120<<20, "\"\n")),
		Want:      hostile.Success,
		MaxMemory: jsonMemory,
	},
	{
		Name: "JSON lines: no newline in 256 MiB", Run: jsonLines(filled("", " ", 256<<20, "")),
		Want: hostile.Is(codec.ErrTooLong), MaxMemory: recordMemory,
	},
	{
		Name: "JSON lines: a number of 120 million digits", Run: jsonLines(filled("", "1", 120<<20, "\n")),
		Want: hostile.As[*codec.InputError](), MaxMemory: jsonMemory,
	},
	{
		Name: "JSON lines: a member with a name of 120 MiB that is refused",
		Run:  known(filled(`{"`, "k", 120<<20, "\":1}\n")), Want: unknown, MaxMemory: recordMemory,
	},
	{
		Name: "JSON lines: a member with a name of 20 million escapes that is refused",
		Run:  known(filled(`{"`, `\u0001`, 120<<20, "\":1}\n")), Want: unknown, MaxMemory: recordMemory,
	},
	{
		Name: "JSON lines: a member with a text of 120 MiB that is refused",
		Run:  known(filled(`{"a":"`, "x", 120<<20, "\"}\n")), Want: unknown, MaxMemory: recordMemory,
	},
	{
		Name: "JSON lines: a member with a number of 120 million digits that is refused",
		Run:  known(filled(`{"a":`, "1", 120<<20, "}\n")), Want: unknown, MaxMemory: recordMemory,
	},
	{
		Name: "JSON lines: a member behind 120 MiB of white space that is refused",
		Run:  known(filled(`{`, " ", 120<<20, "\"a\":1}\n")), Want: unknown, MaxMemory: recordMemory,
	},
	{
		Name: "JSON lines: a member with 60 million numbers that is refused",
		Run:  known(filled(`{"a":[`, "1,", 120<<20, "1]}\n")), Want: unknown, MaxMemory: copiedMemory,
	},
	{
		Name: "JSON lines: 17 million members that are refused",
		Run:  known(filled(`{`, `"a":1,`, 120<<20, "\"a\":1}\n")),
		Want: unknown, MaxMemory: copiedMemory,
	},
	{
		Name: "JSON lines: 120 million levels", Run: jsonLines(filled("", "[", 120<<20, "\n")),
		Want: hostile.As[*codec.InputError](), MaxMemory: jsonMemory,
	},
	{
		Name: "JSON lines: a key of 8 MiB before an error", Run: jsonLines(filled(`{"`, "k", 8<<20, "\":x}\n")),
		Want: hostile.As[*codec.InputError](),
	},
	{
		Name: "JSON lines: bytes that are not UTF-8", Run: jsonLines(filled(`"`, "\xff", 1, "\"\n")),
		Want: hostile.Is(codec.ErrSyntax),
	},
	{Name: "JSON lines: null", Run: jsonLines(filled("", "null\n", 1, "")), Want: hostile.Is(codec.ErrSyntax)},
	{
		Name: "JSON array: a string of 120 MiB", Run: jsonArray(filled(`["`, "x", 120<<20, `"]`)),
		Want:      hostile.Success,
		MaxMemory: jsonMemory,
	},
	{
		Name: "JSON array: one without an end", Run: jsonArray(filled("[", "1,", 16<<20, "")),
		Want: hostile.Is(io.ErrUnexpectedEOF),
	},
	{
		Name: "JSON array: an element without an end", Run: jsonArray(filled(`["`, "x", 256<<20, "")),
		Want: hostile.Is(codec.ErrTooLong), MaxMemory: recordMemory,
	},
	{
		Name: "JSON array: something after it", Run: jsonArray(filled("[]", "[]", 1, "")),
		Want: hostile.Is(codec.ErrTrailing),
	},
}

// unknown reports whether err refuses a member without a field.
func unknown(err error) bool {
	return hostile.As[*codec.InputError]()(err) && strings.Contains(err.Error(), "json: unknown field")
}

// jsonLines returns a run that reads lines of strings or numbers.
func jsonLines(src func() stream.Source[[]byte]) run {
	return func(_ *testing.T, ctx context.Context) error {
		return codec.ParseJSONLines[any](nil).Apply(src()).Each(ctx, func(any) error { return nil })
	}
}

// known returns a run that reads lines of objects and refuses any member.
func known(src func() stream.Source[[]byte]) run {
	return func(_ *testing.T, ctx context.Context) error {
		parse := codec.ParseJSONLines[struct{}](&codec.ParseJSONLinesOptions{RejectUnknown: true})
		return parse.Apply(src()).Each(ctx, func(struct{}) error { return nil })
	}
}

// jsonArray is like jsonLines for the elements of an array.
func jsonArray(src func() stream.Source[[]byte]) run {
	return func(_ *testing.T, ctx context.Context) error {
		return codec.ParseJSONArray[any](nil).Apply(src()).Each(ctx, func(any) error { return nil })
	}
}
