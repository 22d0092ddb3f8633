package bsoncodec_test

import (
	"context"
	"testing"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/hostile"
)

// hostileNumbers are numbers that are longer or larger than any value.
var hostileNumbers = []hostile.Row{
	{
		Name: "ExtJSON: a number of 120 million digits", Run: parsed(`{"a":`, "1", longLine, "}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a $numberDouble of 120 million digits", Run: parsed(`{"a":{"$numberDouble":"`, "1", longLine,
			"\"}}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a $numberDouble of 20 million escaped digits", Run: parsed(`{"a":{"$numberDouble":"`, `\u0031`,
			longLine, "\"}}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a $numberDecimal of 120 million zeros", Run: parsed(`{"a":{"$numberDecimal":"1`, "0", longLine,
			"\"}}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a $numberInt of 120 million zeros", Run: parsed(`{"a":{"$numberInt":"`, "0", longLine,
			"1\"}}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a $numberLong of 120 million digits", Run: parsed(`{"a":{"$numberLong":"`, "1", longLine,
			"\"}}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a $date of 120 million digits", Run: parsed(`{"a":{"$date":{"$numberLong":"`, "1", longLine,
			"\"}}}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: fifteen thousand numbers of 8,000 digits", Run: parsed(`{"a":[`, "0."+digits(8_000)+",",
			longLine, "1]}\n"),
		Want: hostile.Success, MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: an exponent of 120 million digits", Run: parsed(`{"a":1e`, "9", longLine, "}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a huge exponent of a double", Run: parsed(`{"a":1e`, "9", 20, "}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
	{
		Name: "ExtJSON: a huge exponent of a decimal", Run: parsed(`{"a":{"$numberDecimal":"1E-`, "9", 20, "\"}}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
}

func digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('1' + i%9)
	}
	return string(b)
}

// hostileWrappers are type wrappers with invalid contents.
var hostileWrappers = []hostile.Row{
	{
		Name: "ExtJSON: a $binary of 90 MiB", Run: parsed(`{"a":{"$binary":{"base64":"`, "AAAA", longLine,
			"\",\"subType\":\"00\"}}}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a $binary with bad base64", Run: parsed(`{"a":{"$binary":{"base64":"`, "AAA!", 4,
			"\",\"subType\":\"00\"}}}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
	{
		Name: "ExtJSON: a $symbol of 120 MiB", Run: parsed(`{"a":{"$symbol":"`, "s", longLine, "\"}}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a $code of 120 MiB behind its scope", Run: parsed(`{"a":{"$scope":{},"$code":"`, "c", longLine,
			"\"}}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a $regularExpression with options of 120 MiB that are not sorted",
		Run:  parsed(`{"a":{"$regularExpression":{"pattern":"","options":"`, "ba", longLine, "\"}}}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: an $oid of 120 MiB", Run: parsed(`{"a":{"$oid":"`, "0", longLine, "\"}}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: an $oid of 23 digits", Run: parsed(`{"a":{"$oid":"`, "0", 23, "\"}}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
	{
		Name: "ExtJSON: a $date out of range", Run: parsed(`{"a":{"$date":{"$numberLong":"`, "9", 19, "\"}}}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
	{
		Name: "ExtJSON: a $timestamp out of range", Run: parsed(`{"a":{"$timestamp":{"t":`, "9", 10, ",\"i\":1}}}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
	{
		Name: "ExtJSON: an escape form whose BSON is cut", Run: parsed(`{"a":{"$millweirBSON":{"type":"03","base64":"`,
			"////", 16, "\"}}}\n"),
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
	{
		Name: "ExtJSON: an escape form of 90 MiB", Run: parsed(`{"a":{"$millweirBSON":{"type":"03","base64":"`, "AAAA",
			longLine, "\"}}}\n"),
		Want: hostile.Is(bsoncodec.ErrSize), MaxMemory: lineMemory,
	},
	{
		Name: "ExtJSON: a hundred escape forms around each other",
		Run: func(_ *testing.T, ctx context.Context) error {
			_, err := bsoncodec.AppendBSON(nil, []byte(`{"$millweirBSON":{"type":"03","base64":{"$millweirBSON":{}}}}`),
				nil)
			return err
		},
		Want: hostile.As[*bsoncodec.SyntaxError](),
	},
}
