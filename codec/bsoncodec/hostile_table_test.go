package bsoncodec_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// TestHostile parses hostile objects. Each row has its outcome and a limit for its memory.
func TestHostile(t *testing.T) {
	if raced {
		t.Skip("the rows are about size: every stage runs under the race detector in smaller tests")
	}
	hostile.Table(t, slices.Concat(hostileLines, hostileNumbers, hostileWrappers, hostileBSON))
}

// longLine is the length in bytes of the long lines: near the limit of 128 MiB.
const longLine = 120 << 20

// lineMemory is the limit for the rows with long lines. A line is held whole, in a buffer that
// grows by doubling: 64 MiB and 128 MiB are in use while one is copied to the other. The garbage
// collector lets garbage grow to the same size as the memory in use.
const lineMemory = 400 << 20

// hostileLines are lines of Extended JSON that are long, deep or not a document.
var hostileLines = []hostile.Row{
	{
		Name: "ExtJSON: no newline in 1 GiB", Run: parsed("", "x", 1<<30, ""),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: 1 GiB of white space without a newline", Run: parsed("{", " ", 1<<30, "}"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: 64 million blank lines, passed over",
		Run: func(_ *testing.T, ctx context.Context) error {
			return parseExtJSON(ctx, filled("", "\n", 64<<20, ""), &bsoncodec.ParseExtJSONOptions{SkipBlank: true})
		},
		Want: hostile.Success,
	},
	{
		Name: "ExtJSON: a blank line", Run: parsed("{}\n", "\n", 1, ""),
		Want: hostile.Is(bsoncodec.ErrBlank),
	},
	{
		Name: "ExtJSON: a document and 120 MiB of white space, 4 times",
		Run:  parsedTimes(4, `{"a":1`, " ", longLine, "}\n"),
		Want: hostile.Success, MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a string of 120 MiB", Run: parsed(`{"a":"`, "x", longLine, "\"}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a string of 120 MiB with escapes, 4 MiB of BSON over", Run: parsed(`{"a":"`, `\u0001`, longLine,
			"\"}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a key of 120 MiB", Run: parsed(`{"`, "k", longLine, "\":1}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: an _id of 8 MiB before an error", Run: parsed(`{"_id":"`, "k", 8<<20, "\",\"a\":x}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
	{
		Name: "ExtJSON: a key of 8 MiB before an error", Run: parsed(`{"`, "k", 8<<20, "\":x}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
	{
		Name: "ExtJSON: keys and an _id that are commands of a terminal, before an error",
		Run:  parsed("{\"_id\":\"\u202e\u009b2J\",\"", `\u001b[2J`, 4<<10, "\":x}\n"),
		Want: func(err error) bool {
			return hostile.As[*bsoncodec.SyntaxError]()(err) && !strings.ContainsFunc(err.Error(), func(r rune) bool {
				return !strconv.IsPrint(r)
			})
		},
	},
	{
		Name: "ExtJSON: an array of 60 million numbers", Run: parsed(`{"a":[`, "1,", longLine, "1]}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: objects 20 million levels deep", Run: parsed("", `{"a":`, longLine, "\n"),
		Want: hostile.Is(bsoncodec.ErrDepth), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: arrays 120 million levels deep", Run: parsed(`{"a":`, "[", longLine, "\n"),
		Want: hostile.Is(bsoncodec.ErrDepth), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: one key a million times", Run: parsed("{", `"a":1,`, 6<<20, "\"a\":1}\n"),
		Want: hostile.Success, // BSON allows them too: they are kept, in order
	},
	{
		Name: "ExtJSON: a hundred million documents of nothing on one line", Run: parsed("", "{}", longLine, "\n"),
		MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: null for 1 GiB", Run: parsed("", "null\n", 1<<30, ""),
		Want: hostile.Is(bsoncodec.ErrBlank),
	},
	{
		Name: "ExtJSON: bytes that are not UTF-8", Run: parsed(`{"a":"`, "\xff", 1, "\"}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
	{
		Name: "ExtJSON: half of a surrogate pair", Run: parsed(`{"a":"`, `\ud800`, 1, "\"}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
	{
		Name: "ExtJSON: a zero byte in a key", Run: parsed(`{"a`, `\u0000`, 1, "\":1}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
	{
		Name: "ExtJSON: cut inside a document", Run: parsed(`{"a":[1,`, "2,", 10, ""),
		Want: hostile.Is(io.ErrUnexpectedEOF),
	},
	{
		Name: "ExtJSON: a page of HTML", Run: parsed("<!DOCTYPE html>", "<p>", 1<<10, ""),
		Want: hostile.As[*codec.FormatError](),
	},
	{
		Name: "ExtJSON: 1 GiB of documents of nothing, by stream.Limit",
		Run: func(_ *testing.T, ctx context.Context) error {
			docs := stream.Via2(filled("", "{}\n", 1<<30, ""), bsoncodec.ParseExtJSON(nil),
				stream.Limit[bson.Raw](1_000_000))
			return docs.Each(ctx, func(bson.Raw) error { return nil })
		},
		Want: hostile.As[*stream.LimitError](),
	},
}

// parsed returns a run that parses the stream of filled.
func parsed(before, part string, n int, after string) run {
	return parsedTimes(1, before, part, n, after)
}

// parsedTimes works as parsed, with the stream repeated.
func parsedTimes(times int, before, part string, n int, after string) run {
	return func(_ *testing.T, ctx context.Context) error {
		src := filled(before, part, n, after)
		again := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			for range times {
				if err := src.Each(ctx, emit); err != nil {
					return err
				}
			}
			return nil
		})
		return parseExtJSON(ctx, again, nil)
	}
}

// parseExtJSON parses src and keeps no document.
func parseExtJSON(ctx context.Context, src stream.Source[[]byte], opts *bsoncodec.ParseExtJSONOptions) error {
	return bsoncodec.ParseExtJSON(opts).Apply(src).Each(ctx, func(bson.Raw) error { return nil })
}

// filled returns a source of about n bytes: before, copies of part, after. It lends its chunks, as
// the decoders do.
func filled(before, part string, n int, after string) stream.Source[[]byte] {
	return lend.Source(func(_ context.Context, emit func([]byte) error, lent bool) error {
		chunk := []byte(strings.Repeat(part, min(max(1, 64<<10/len(part)), max(1, n/len(part)))))
		if before != "" {
			if err := emit([]byte(before)); err != nil {
				return err
			}
		}
		for left := max(n, len(chunk)); left >= len(chunk); left -= len(chunk) {
			p := chunk
			if !lent {
				p = bytes.Clone(chunk)
			}
			if err := emit(p); err != nil {
				return err
			}
		}
		if after == "" {
			return nil
		}
		return emit([]byte(after))
	})
}
