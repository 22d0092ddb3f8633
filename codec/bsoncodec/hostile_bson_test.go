package bsoncodec_test

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/stream"
)

// hostileBSON are documents with false lengths, types and texts, for ParseBSON and ExtJSON.
var hostileBSON = []hostile.Row{
	{Name: "BSON: a negative length", Run: parsedBSON(length(-1)), Want: hostile.As[*bsoncodec.DocumentError]()},
	{Name: "BSON: a length of 4", Run: parsedBSON(length(4)), Want: hostile.As[*bsoncodec.DocumentError]()},
	{Name: "BSON: a length of 2^31-1", Run: parsedBSON(length(math.MaxInt32)), Want: hostile.Is(bsoncodec.ErrSize)},
	{
		Name: "BSON: a length of 16 MiB, and nothing follows", Run: parsedBSON(length(16 << 20)),
		Want: hostile.Is(io.ErrUnexpectedEOF), MaxMemory: 64 << 20,
	},
	{
		Name: "BSON: a length one byte over the limit", Run: parsedBSON(length(16<<20 + 16<<10 + 1)),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: 64 << 20,
	},
	{
		Name: "BSON: documents of 16 MiB with text of 16 MiB", Run: func(_ *testing.T, ctx context.Context) error {
			return bsonOf(ctx, string(one(0x02, str(strings.Repeat("x", 16<<20)))), 8)
		},
		Want: hostile.Success, MaxMemory: 320 << 20,
	},
	{
		Name: "BSON: a document inside longer than the one around it",
		Run:  parsedBSON(string(one(0x03, length(1000)+"\x00"))), Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: a string of a negative length", Run: parsedBSON(string(one(0x02, length(-5)+"abc\x00"))),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: a string of length 0", Run: parsedBSON(string(one(0x02, length(0)+next))),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: a string that ends before it begins", Run: parsedBSON(string(one(0x02, length(-4)))),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: a string whose length leads back to its own element",
		Run:  parsedBSON(string(raw(element{0x10, "a", u32(0)}, element{0x02, "", length(-6) + next}))),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: a string of 2^31-1 bytes", Run: parsedBSON(string(one(0x02, length(math.MaxInt32)+"abc\x00"))),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: a string without its zero byte", Run: parsedBSON(string(one(0x02, length(4)+"abcd"))),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: a key without its zero byte", Run: parsedBSON(string(unended("kkkk"))),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: binary of a negative length", Run: parsedBSON(string(one(0x05, length(-1)+next))),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: binary whose length leads back to its own element",
		Run:  parsedBSON(string(one(0x05, length(-8)+next))), Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: binary of subtype 2 with two lengths",
		Run:  strictBSON(one(0x05, length(8)+"\x02"+length(100)+"abcd")), Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: a regular expression without an end", Run: parsedBSON(string(one(0x0B, "abc"))),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: code whose scope is longer than it",
		Run:  parsedBSON(string(one(0x0F, length(14)+str("")+length(1000)+"\x00"))),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: code and scope that end after the document",
		Run:  parsedBSON(string(one(0x0F, length(1000)+str("")+length(991)+"\x00"))),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: a scope that ends after the document inside that holds it",
		Run:  parsedBSON(string(escapingScope())),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: an unknown type", Run: parsedBSON(string(one(0x42, ""))),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON: a document that is not ended", Run: parsedBSON(string(notEnded())),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{Name: "BSON: 2 million levels", Run: later(func() run {
		return parsedBSON(string(nest(2_000_000)))
	}), Want: hostile.Is(bsoncodec.ErrDepth)},
	{
		Name: "BSON: an array with the keys of a document", Run: strictBSON(one(0x04, sub(element{0x10, "x", u32(1)}))),
		Want: hostile.Success, // any document is accepted in place of an array
	},
	{Name: "BSON: an _id of 8 MiB before an error", Run: later(func() run {
		return parsedBSON(string(raw(element{0x02, "_id", str(strings.Repeat("i", 8<<20))}, element{0x42, "a", ""})))
	}), Want: hostile.As[*bsoncodec.DocumentError]()},
	{Name: "BSON: a key of 8 MiB before an error", Run: later(func() run {
		return parsedBSON(string(raw(element{0x42, strings.Repeat("k", 8<<20), ""})))
	}), Want: hostile.As[*bsoncodec.DocumentError]()},
	{Name: "BSON: cut inside a length", Run: parsedBSON("\x05\x00"), Want: hostile.Is(io.ErrUnexpectedEOF)},
	{
		Name: "BSON to JSON: 16 MiB of control characters", Run: later(func() run {
			return written(one(0x02, str(strings.Repeat("\x01", 16<<20))))
		}),
		Want: hostile.Success, MaxMemory: writtenMemory,
	},
	{
		Name: "BSON to JSON and back: 16 MiB of control characters", Run: later(func() run {
			return thereAndBack(one(0x02, str(strings.Repeat("\x01", 16<<20))))
		}),
		Want: hostile.Success, MaxMemory: writtenMemory,
	},
	{
		Name: "BSON to JSON and back, 4 times: 16 MiB of control characters", Run: later(func() run {
			doc := one(0x02, str(strings.Repeat("\x01", 16<<20)))
			return thereAndBack(doc, doc, doc, doc)
		}),
		Want: hostile.Success, MaxMemory: writtenMemory,
	},
	{
		Name: "BSON to JSON: 16 MiB that are longer than a line may be",
		Run: later(func() run {
			return written(bulk(element{0x7F, "", ""}, 16<<20))
		}), Want: hostile.Success, MaxMemory: writtenMemory,
	},
	{
		Name: "BSON to JSON: a large document with an array whose last key has no end", Run: later(func() run {
			return written(raw(element{0x04, "a", length(7) + "\x0B0\x00"},
				element{0x02, "b", str(strings.Repeat("x", 1<<20))}))
		}),
		Want: hostile.As[*bsoncodec.DocumentError](),
	},
	{
		Name: "BSON to JSON: 199 levels that are inexact, around 8 MiB", Run: later(func() run {
			return written(inexactNest(199, 8<<20))
		}),
		Want: hostile.Success, MaxMemory: writtenMemory,
	},
	{Name: "BSON to JSON: 2 million levels", Run: later(func() run {
		return written(nest(2_000_000))
	}), Want: hostile.Is(bsoncodec.ErrDepth)},
}

// writtenMemory is the memory for a document of 16 MiB and its line of 128 MiB.
const writtenMemory = 260 << 20

// next is the element {"b": null}. After a value with a false length it completes the document, if
// the length is not checked.
const next = "\x0Ab\x00"

// escapingScope returns a document with an inner document. The code with scope in the inner
// document ends after that document, but before the end of the outer one.
func escapingScope() bson.Raw {
	value := code("", sub(element{0x12, "x", u64(0)}))
	inner := length(4+len("\x0Fa\x00")+len(value)-4) + "\x0Fa\x00" + value // its last byte is a zero of x
	return one(0x03, inner+"\x00")
}

// length returns the four bytes of a length.
func length(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

// unended returns a document that ends inside a key.
func unended(key string) bson.Raw {
	doc := raw(element{0x0A, key, ""})
	for i := range doc[5:] {
		doc[5+i] = 'k'
	}
	return doc
}

// notEnded returns a document without its last zero byte.
func notEnded() bson.Raw {
	doc := one(0x10, u32(1))
	doc[len(doc)-1] = 1
	return doc
}

// bulk returns a document of about n bytes, made of copies of e.
func bulk(e element, n int) bson.Raw {
	part := string(e.t) + e.key + "\x00" + e.val
	body := strings.Repeat(part, n/len(part))
	return bson.Raw(length(len(body)+5) + body + "\x00")
}

// inexactNest returns a string of n bytes nested in documents of the given number of levels. Each
// level has a key that is not UTF-8.
func inexactNest(levels, n int) bson.Raw {
	doc := one(0x02, str(strings.Repeat("x", n)))
	for range levels - 1 {
		doc = raw(element{0x03, "\xff", string(doc)})
	}
	return doc
}

// run is what a row does with its input.
type run = func(*testing.T, context.Context) error

// later returns a run that makes its input only when it starts. Otherwise the inputs of all rows
// would be in memory, and each row would be measured with them.
func later(f func() run) run {
	return func(t *testing.T, ctx context.Context) error { return f()(t, ctx) }
}

// parsedBSON returns a run that parses a stream of BSON.
func parsedBSON(s string) run {
	return func(_ *testing.T, ctx context.Context) error { return bsonOf(ctx, s, 1) }
}

// bsonOf parses a stream of s, repeated.
func bsonOf(ctx context.Context, s string, times int) error {
	return bsoncodec.ParseBSON(nil).Apply(cut(s, times)).Each(ctx, func(bson.Raw) error { return nil })
}

// cut returns a source of s, repeated, in chunks of 64 KiB.
func cut(s string, times int) stream.Source[[]byte] {
	return stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		for range times {
			for p := range slices.Chunk([]byte(s), 64<<10) {
				if err := emit(p); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// strictBSON returns a run that parses a document by the strict rules.
func strictBSON(doc bson.Raw) run {
	return func(_ *testing.T, ctx context.Context) error {
		docs := bsoncodec.ParseBSON(&bsoncodec.ParseBSONOptions{Strict: true}).Apply(slice([]byte(doc)))
		return docs.Each(ctx, func(bson.Raw) error { return nil })
	}
}

// written returns a run that writes a document as a line.
func written(doc bson.Raw) run {
	return func(_ *testing.T, ctx context.Context) error {
		return bsoncodec.ExtJSON(nil).Apply(slice(doc)).Each(ctx, func([]byte) error { return nil })
	}
}

// thereAndBack returns a run that writes documents as lines and parses the lines.
func thereAndBack(docs ...bson.Raw) run {
	return func(_ *testing.T, ctx context.Context) error {
		back := stream.Via2(slice(docs...), bsoncodec.ExtJSON(nil), bsoncodec.ParseExtJSON(nil))
		return back.Each(ctx, func(bson.Raw) error { return nil })
	}
}
