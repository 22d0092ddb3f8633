package codec_test

import (
	"context"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/stream"
)

// Limits of the memory: for a record of 128 MiB, for which encoding/csv holds the line, the fields
// and their strings, and for a record with 2 million fields.
const (
	csvMemory    = 768 << 20
	fieldsMemory = 256 << 20
)

// hostileCSV are records without an end, and malformed ones.
var hostileCSV = []hostile.Row{
	{
		Name: "CSV: an open quote before 256 MiB of lines",
		Run:  csvRecords(filled(`"`, strings.Repeat("x", 99)+"\n", 256<<20, "")),
		Want: hostile.Is(codec.ErrTooLong), MaxMemory: csvMemory,
	},
	{
		Name: "CSV: an open quote before 256 MiB on one line", Run: csvRecords(filled(`"`, "x", 256<<20, "")),
		Want: hostile.Is(codec.ErrTooLong), MaxMemory: csvMemory,
	},
	{
		Name: "CSV: a field of 120 MiB", Run: csvRecords(filled(`"`, "x", 120<<20, "\"\n")),
		Want: hostile.Success, MaxMemory: csvMemory,
	},
	{
		Name: "CSV: 16 million fields in a record", Run: csvRecords(filled("", "x,", 32<<20, "\n")),
		Want: hostile.Is(codec.ErrTooLong), MaxMemory: fieldsMemory,
	},
	{
		Name: "CSV: 64 million commas", Run: csvRecords(filled("", ",", 64<<20, "\n")),
		Want: hostile.Is(codec.ErrTooLong), MaxMemory: fieldsMemory,
	},
	{
		Name: "CSV: 64 million commas after a quote that does not open a field", Want: hostile.Is(codec.ErrTooLong),
		MaxMemory: fieldsMemory,
		Run:       csvParsed(codec.ParseCSV(&codec.ParseCSVOptions{LazyQuotes: true}), filled(`x"`, ",", 64<<20, "\n")),
	},
	{
		Name: "CSV: 1 million fields in a record", Run: csvRecords(filled("x", ",", 1<<20-1, "\n")),
		Want: hostile.Success, MaxMemory: fieldsMemory,
	},
	{
		Name: "CSV: 64 million commas inside quotes", Run: csvRecords(filled(`"`, ",", 64<<20, "\"\n")),
		Want: hostile.Success, MaxMemory: csvMemory,
	},
	{
		Name: "CSV: 8 million empty lines", Run: csvRecords(filled("", "\n", 8<<20, "")),
		Want: hostile.Success,
	},
	{
		Name: "CSV: an open quote before 4 million lines", Run: csvRecords(filled(`"`, "\n", 4<<20, "")),
		Want: hostile.Is(csv.ErrQuote),
	},
	{
		Name: "CSV: zeros", Run: csvRecords(filled("", "\x00", 1<<20, "\"")),
		Want: hostile.Is(csv.ErrBareQuote),
	},
	{
		Name: "CSV maps: a header with a field twice", Run: csvMaps(filled("", "\x1b[2J,", 64<<10, "\n")),
		Want: hostile.Is(codec.ErrSyntax),
	},
}

// csvParsed returns a run that parses records.
func csvParsed[T any](parse stream.Flow[[]byte, T], src func() stream.Source[[]byte]) run {
	return func(_ *testing.T, ctx context.Context) error {
		return parse.Apply(src()).Each(ctx, func(T) error { return nil })
	}
}

func csvRecords(src func() stream.Source[[]byte]) run { return csvParsed(codec.ParseCSV(nil), src) }

func csvMaps(src func() stream.Source[[]byte]) run { return csvParsed(codec.ParseCSVMaps(nil), src) }
