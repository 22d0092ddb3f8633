package bsoncodec_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestOtherFormats passes streams of other formats to the parsers.
func TestOtherFormats(t *testing.T) {
	for name, parse := range map[string]stream.Flow[[]byte, bson.Raw]{
		"ParseExtJSON": bsoncodec.ParseExtJSON(nil),
		"ParseBSON":    bsoncodec.ParseBSON(nil),
	} {
		for _, c := range []struct {
			in        string
			json, raw codec.FileType // the format that each parser reports, "" for its own error
		}{
			{"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x12\x34\x56", codec.TypeGzip, codec.TypeGzip},
			{"\x28\xb5\x2f\xfd\x24\x00\x01\x00\x00", codec.TypeZstd, codec.TypeZstd},
			{"age-encryption.org/v1\n-> X25519 abc\n", codec.TypeAge, codec.TypeAge},
			{"<?xml version=\"1.0\"?>\n<Error/>\n", codec.TypeXML, codec.TypeXML},
			{"<!doctype html>\n", codec.TypeHTML, codec.TypeHTML},
			{"\x0e\x00\x00\x00\x10a\x00\x01\x00\x00\x00\x00\x00\x00", codec.TypeBSON, ""},
			{"{\"a\":1}\n", "", codec.TypeJSON},
			{"hello\n", "", codec.TypeText},
			{"{\"a\":\n", "", codec.TypeJSON},
			{"\xff\xff\xff\xff\xff", "", ""},
		} {
			want := c.json
			if name == "ParseBSON" {
				want = c.raw
			}
			for size := 1; size <= len(c.in); size += len(c.in) - 1 {
				var chunks [][]byte
				for p := []byte(c.in); len(p) > 0; p = p[min(size, len(p)):] {
					chunks = append(chunks, p[:min(size, len(p))])
				}
				_, err := stream.Run(context.Background(), stream.Via(source.Slice(chunks), parse),
					sink.Slice[bson.Raw]())
				var other *codec.FormatError
				switch found := errors.As(err, &other); {
				case found != (want != "") && size > 1, found && other.Got != want && size > 1:
					t.Errorf("%s of %.20q in pieces of %d: %v, want %q", name, c.in, size, err, want)
				case want != "" && err == nil:
					t.Errorf("%s of %.20q in pieces of %d: no error", name, c.in, size)
				}
			}
		}
	}
}
