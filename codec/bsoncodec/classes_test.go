package bsoncodec_test

import (
	"context"
	"io"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestErrorClasses checks the class of every exported error, and of the errors of the stages for
// bad input and bad options.
func TestErrorClasses(t *testing.T) {
	parse := func(f stream.Flow[[]byte, bson.Raw], in string) error {
		_, err := stream.Run(context.Background(), stream.Via(source.Of([]byte(in)), f), sink.Slice[bson.Raw]())
		return err
	}
	write := func(f stream.Flow[bson.Raw, []byte], in string) error {
		_, err := stream.Run(context.Background(), stream.Via(source.Of(bson.Raw(in)), f), sink.Slice[[]byte]())
		return err
	}
	json := func(in string) error { return parse(bsoncodec.ParseExtJSON(nil), in) }
	_, appended := bsoncodec.AppendBSON(nil, []byte("{"), nil)
	for name, c := range map[string]struct {
		err  error
		want stream.Class
	}{
		"ErrDepth":      {bsoncodec.ErrDepth, stream.Data},
		"ErrSize":       {bsoncodec.ErrSize, stream.Data},
		"ErrBlank":      {bsoncodec.ErrBlank, stream.Data},
		"ErrInexact":    {bsoncodec.ErrInexact, stream.Data},
		"SyntaxError":   {&bsoncodec.SyntaxError{Err: io.ErrUnexpectedEOF}, stream.Data},
		"DocumentError": {&bsoncodec.DocumentError{Err: io.ErrUnexpectedEOF}, stream.Data},

		"a cut line":   {json(`{"a":`), stream.Data},
		"a blank line": {json("\n"), stream.Data},
		"no JSON":      {json("hello"), stream.Data},
		"a long line": {
			parse(bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{MaxLine: 1}), "{}"),
			stream.Data,
		},
		"appended":        {appended, stream.Data},
		"cut BSON":        {parse(bsoncodec.ParseBSON(nil), "\x09\x00\x00\x00"), stream.Data},
		"malformed BSON":  {parse(bsoncodec.ParseBSON(nil), "\x05\x00\x00\x00\x01"), stream.Data},
		"written":         {write(bsoncodec.ExtJSON(nil), "\x05\x00\x00\x00\x01"), stream.Data},
		"written as BSON": {write(bsoncodec.BSON(nil), "\x05"), stream.Data},

		"a depth":   {parse(bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{MaxDepth: -1}), ""), stream.Fatal},
		"a size":    {parse(bsoncodec.ParseBSON(&bsoncodec.ParseBSONOptions{MaxDocument: -1}), ""), stream.Fatal},
		"a level":   {write(bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{MaxDepth: -1}), ""), stream.Fatal},
		"a setting": {appendedWith(&bsoncodec.ParseExtJSONOptions{MaxLine: -1}), stream.Fatal},
	} {
		if got := stream.ClassOf(c.err); got != c.want {
			t.Errorf("%s: %v is %v, want %v", name, c.err, got, c.want)
		}
	}
}

func appendedWith(o *bsoncodec.ParseExtJSONOptions) error {
	_, err := bsoncodec.AppendBSON(nil, []byte("{}"), o)
	return err
}

// TestSuperviseGoesOn: Supervise skips lines that are not documents.
func TestSuperviseGoesOn(t *testing.T) {
	convert := func(_ context.Context, line []byte) (bson.Raw, error) {
		doc, err := bsoncodec.AppendBSON(nil, line, nil)
		return doc, err
	}
	var dead []int64
	docs, err := stream.Run(context.Background(), stream.Via2(
		source.Of([]byte("{\"a\":1}\n{\"a\":\n{\"a\":2}\n\nhello\n{\"a\":3}\n")),
		codec.SplitLines(nil),
		stream.Supervise(2, convert, func(_ context.Context, d stream.DeadLetter[[]byte]) error {
			dead = append(dead, d.Position)
			return nil
		}, nil),
	), sink.Slice[bson.Raw]())
	if err != nil || len(docs) != 3 || len(dead) != 3 || dead[0] != 1 || dead[1] != 3 || dead[2] != 4 {
		t.Errorf("%d documents, dead %d, %v", len(docs), dead, err)
	}
}
