package codec_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestErrorClasses checks the class of every exported error, and of the errors that stages return
// for malformed input and invalid settings.
func TestErrorClasses(t *testing.T) {
	run := func(f flow, in string) error {
		_, err := bytesThrough(f, []byte(in), 0)
		return err
	}
	lines := func(in string) error {
		_, err := parsed(codec.ParseJSONLines[cookie](nil), in, 0)
		return err
	}
	array := func(in string) error {
		_, err := parsed(codec.ParseJSONArray[cookie](nil), in, 0)
		return err
	}
	_, unwritable := stream.Run(context.Background(), stream.Via(source.Of(func() {}), codec.JSONLines[func()](nil)),
		sink.Slice[[]byte]())
	gz := string(stdGzip([]byte("hello")))
	for name, c := range map[string]struct {
		err  error
		want stream.Class
	}{
		"ErrLimit":         {codec.ErrLimit, stream.Data},
		"ErrTooLong":       {codec.ErrTooLong, stream.Data},
		"ErrTrailing":      {codec.ErrTrailing, stream.Data},
		"ErrSyntax":        {codec.ErrSyntax, stream.Data},
		"ErrUnknownFormat": {codec.ErrUnknownFormat, stream.Data},
		"ErrMiscoded":      {codec.ErrMiscoded, stream.Fatal},
		"LimitError":       {&codec.LimitError{}, stream.Data},
		"InputError":       {&codec.InputError{Err: io.ErrUnexpectedEOF}, stream.Data},

		"a cut gzip":        {run(codec.Gunzip(nil), gz[:9]), stream.Data},
		"a damaged gzip":    {run(codec.Gunzip(nil), gz[:len(gz)-1]+"x"), stream.Data},
		"no gzip":           {run(codec.Gunzip(nil), "hello"), stream.Data},
		"a cut gzip by 2":   {run(codec.Gunzip(&codec.GunzipOptions{Parallelism: 2}), gz[:9]), stream.Data},
		"too much":          {run(codec.Gunzip(&codec.GunzipOptions{MaxBytes: 1}), gz), stream.Data},
		"no zstd":           {run(codec.Unzstd(nil), "hello"), stream.Data},
		"no zlib":           {run(codec.Unzlib(nil), "hello"), stream.Data},
		"no deflate":        {run(codec.Inflate(nil), "hello"), stream.Data},
		"no S2":             {run(codec.UnS2(nil), "hello"), stream.Data},
		"no format":         {run(codec.Detect(nil), "hello"), stream.Data},
		"no base64":         {run(codec.Unbase64(nil), "a"), stream.Data},
		"no hex":            {run(codec.Unhex(), "a"), stream.Data},
		"a long line":       {run(codec.SplitLines(&codec.SplitLinesOptions{MaxLength: 1}), "hello"), stream.Data},
		"a cut frame":       {run(codec.SplitLengthField(nil), "\x00"), stream.Data},
		"a cut object":      {run(codec.SplitJSONObjects(nil), "{"), stream.Data},
		"a ratio":           {run(codec.LimitRatio(codec.Hex(), 1, 0), "hello"), stream.Data},
		"a malformed line":  {lines("{"), stream.Data},
		"a value of a kind": {lines(`{"name":1}`), stream.Data},
		"a malformed array": {array("[1"), stream.Data},
		"no JSON of it":     {unwritable, stream.Data},

		"a level":      {run(codec.Gzip(&codec.GzipOptions{Level: -1}), ""), stream.Fatal},
		"a limit":      {run(codec.Gunzip(&codec.GunzipOptions{MaxBytes: -2}), ""), stream.Fatal},
		"a window":     {run(codec.Unzstd(&codec.UnzstdOptions{MaxWindow: 1}), ""), stream.Fatal},
		"a chunk size": {run(codec.Rechunk(0), ""), stream.Fatal},
	} {
		if got := stream.ClassOf(c.err); got != c.want {
			t.Errorf("%s: %v is %v, want %v", name, c.err, got, c.want)
		}
	}
}

// TestErrorClassesOfOthers makes the upstream and a custom decoder fail with errors that have a
// class.
func TestErrorClassesOfOthers(t *testing.T) {
	busy := stream.Mark(errors.New("busy"), stream.Throttled)
	_, err := stream.Run(context.Background(), stream.Via(failsAfter([]byte("x"), busy), codec.Gunzip(nil)),
		sink.Slice[[]byte]())
	if stream.ClassOf(err) != stream.Throttled {
		t.Errorf("the upstream's: %v is %v", err, stream.ClassOf(err))
	}
	f := codec.Decoder("mine", func(io.Reader) (io.Reader, error) { return nil, busy })
	if _, err := bytesThrough(f, []byte("x"), 0); !errors.Is(err, busy) || stream.ClassOf(err) != stream.Throttled {
		t.Errorf("a decoder's: %v is %v", err, stream.ClassOf(err))
	}
}
