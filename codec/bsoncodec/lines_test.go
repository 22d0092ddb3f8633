package bsoncodec_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/stream"
)

// parse runs ParseExtJSON on text in chunks of size bytes.
func parse(t *testing.T, text string, size int, opts *bsoncodec.ParseExtJSONOptions) ([]bson.Raw, error) {
	t.Helper()
	var chunks [][]byte
	for len(text) > 0 {
		n := min(size, len(text))
		chunks, text = append(chunks, []byte(text[:n])), text[n:]
	}
	return collect(t, stream.Via(slice(chunks...), bsoncodec.ParseExtJSON(opts)))
}

func TestSplitLines(t *testing.T) {
	n := func(v uint32) bson.Raw { return one(0x10, u32(v)) }
	skip := &bsoncodec.ParseExtJSONOptions{SkipBlank: true}
	for name, c := range map[string]struct {
		text string
		opts *bsoncodec.ParseExtJSONOptions
		want []bson.Raw
		line int64 // line of the error; 0 means no error
		off  int64
	}{
		"empty stream":            {"", nil, nil, 0, 0},
		"one line":                {"{\"a\":1}\n", nil, []bson.Raw{n(1)}, 0, 0},
		"no newline at the end":   {"{\"a\":1}\n{\"a\":2}", nil, []bson.Raw{n(1), n(2)}, 0, 0},
		"carriage returns":        {"{\"a\":1}\r\n{\"a\":2}\r\n", nil, []bson.Raw{n(1), n(2)}, 0, 0},
		"byte order mark":         {"\uFEFF{\"a\":1}\n{\"a\":2}\n", nil, []bson.Raw{n(1), n(2)}, 0, 0},
		"byte order mark inside":  {"{\"a\":1}\n\uFEFF{\"a\":2}\n", nil, []bson.Raw{n(1)}, 2, 8},
		"mark, then an error":     {"\uFEFFx\n", nil, nil, 1, 3},
		"UTF-16":                  {"\xff\xfe{\x00}\x00\n\x00", nil, nil, 1, 0},
		"blank line":              {"{\"a\":1}\n\n{\"a\":2}\n", nil, []bson.Raw{n(1)}, 2, 8},
		"blank line of space":     {" \t\r\n", nil, nil, 1, 3},
		"blank last line":         {"{\"a\":1}\n ", nil, []bson.Raw{n(1)}, 2, 9},
		"blank lines skipped":     {"\n{\"a\":1}\n\n \t\r\n{\"a\":2}\n\n ", skip, []bson.Raw{n(1), n(2)}, 0, 0},
		"other space not blank":   {"{\"a\":1}\n\u00a0\n", skip, []bson.Raw{n(1)}, 2, 8},
		"other space, with null":  {"\u2003null\n", skip, nil, 1, 0},
		"tabs of other kinds":     {" \v\f\n", skip, nil, 1, 1},
		"next line is no space":   {"{\"a\":1}\nnull\u0085\n", skip, []bson.Raw{n(1)}, 2, 8},
		"error behind blanks":     {"\n\nx\n", skip, nil, 3, 2},
		"null line":               {"{\"a\":1}\nnull\n", nil, []bson.Raw{n(1)}, 2, 8},
		"null lines skipped":      {"null\n{\"a\":1}\n null \r\n{\"a\":2}\nnull", skip, []bson.Raw{n(1), n(2)}, 0, 0},
		"nulls are no null":       {"{\"a\":1}\nnull null\n", skip, []bson.Raw{n(1)}, 2, 8},
		"two documents on a line": {"{\"a\":1}\n{}{}\n", nil, []bson.Raw{n(1)}, 2, 10},
		"document on two lines":   {"{\"a\":\n1}\n", nil, nil, 1, 5},
		"cut last line":           {"{\"a\":1}\n{\"a\":2", nil, []bson.Raw{n(1)}, 2, 14},
		"array of documents":      {"[{\"a\":1}]\n", nil, nil, 1, 0},
	} {
		for _, size := range []int{1, 2, 3, 7, 8, 1000} {
			got, err := parse(t, c.text, size, c.opts)
			if string(concat(got)) != string(concat(c.want)) || (err == nil) != (c.line == 0) {
				t.Errorf("%s in chunks of %d: got %x, %v", name, size, got, err)
				continue
			}
			if err != nil {
				if e := isSyntax(t, err); e.Line != c.line || e.Offset != c.off {
					t.Errorf("%s in chunks of %d: error at line %d, offset %d, want %d, %d: %v", name, size, e.Line,
						e.Offset, c.line, c.off, err)
				}
			}
		}
	}
}

// TestColumns: a column counts the bytes of the line, including a byte order mark.
func TestColumns(t *testing.T) {
	for text, want := range map[string]int{
		"{\"a\":x}": 5, "\uFEFF{\"a\":x}": 8, "\uFEFFx": 3, "\uFEFF": 3,
		"{}\n\uFEFF{}": 0, "{}\n{\"a\":x}": 5,
	} {
		_, err := parse(t, text, 4, nil)
		if e := isSyntax(t, err); e.Column != want || e.Offset != int64(strings.LastIndexByte(text, '\n')+1+want) {
			t.Errorf("%q: column %d, offset %d, want column %d", text, e.Column, e.Offset, want)
		}
	}
}

// TestEveryCutOfLines: a stream that is cut at any byte causes an error, except at the end of a
// document.
func TestEveryCutOfLines(t *testing.T) {
	text := string(lines(t, 12))
	for cut := range len(text) {
		got, err := parse(t, text[:cut], 64, nil)
		whole := cut == 0 || text[cut-1] == '\n' || text[cut] == '\n'
		if whole != (err == nil) {
			t.Fatalf("cut at %d, behind %q: %v", cut, text[:cut], err)
		}
		for i, doc := range got {
			if !bytes.Equal(doc, random(i)) {
				t.Fatalf("cut at %d: document %d is %x, want %x", cut, i, []byte(doc), []byte(random(i)))
			}
		}
		if err != nil {
			isSyntax(t, err)
		}
	}
}

func TestLineLimit(t *testing.T) {
	line := `{"a":"` + strings.Repeat("x", 100) + `"}`
	for _, c := range []struct {
		max int
		end string
		ok  bool
	}{
		{len(line) - 1, "\n", false},
		{len(line), "\n", true},
		{len(line) + 1, "\n", true},
		{len(line) - 1, "", false},
		{len(line), "", true},
	} {
		for _, size := range []int{1, 64, 1000} {
			got, err := parse(t, line+c.end, size, &bsoncodec.ParseExtJSONOptions{MaxLine: c.max})
			if c.ok != (err == nil) || c.ok != (len(got) == 1) {
				t.Errorf("MaxLine %d of %d in chunks of %d: %d documents, %v", c.max, len(line), size, len(got), err)
			}
			if size == 1000 {
				var doc bson.Raw
				if doc, err = bsoncodec.AppendBSON(nil, []byte(line),
					&bsoncodec.ParseExtJSONOptions{MaxLine: c.max}); c.ok != (err == nil) || c.ok &&
					!bytes.Equal(doc, got[0]) {
					t.Errorf("AppendBSON: MaxLine %d of %d: %x, %v", c.max, len(line), doc, err)
				}
			}
			if err != nil {
				if e := isSyntax(t, err); !errors.Is(err, bsoncodec.ErrSize) || e.Line != 1 ||
					e.Offset != int64(c.max) {
					t.Errorf("MaxLine %d: %v", c.max, err)
				}
			}
		}
	}
}

func TestChunks(t *testing.T) {
	docs := make([]bson.Raw, 1000)
	for i := range docs {
		docs[i] = random(i)
	}
	want := lines(t, len(docs))
	for _, size := range []int{0, 1, 100, 1 << 20} {
		got, err := collect(t,
			stream.Via(slice(docs...), bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{ChunkSize: size})))
		if err != nil || !bytes.Equal(concat(got), want) {
			t.Fatalf("ChunkSize %d: wrong bytes, %v", size, err)
		}
		for i, chunk := range got {
			if chunk[len(chunk)-1] != '\n' {
				t.Errorf("ChunkSize %d: chunk %d ends inside a line", size, i)
			}
			if size == 0 && i < len(got)-1 && len(chunk) < 64<<10 {
				t.Errorf("chunk %d has %d bytes", i, len(chunk))
			}
			if last := bytes.LastIndexByte(chunk[:len(chunk)-1], '\n'); size == 1 && last >= 0 {
				t.Errorf("ChunkSize 1: chunk %d has two lines", i)
			}
		}
	}
	got, err := collect(t, stream.Via(slice(docs...), bsoncodec.BSON(&bsoncodec.BSONOptions{ChunkSize: 300})))
	if err != nil || !bytes.Equal(concat(got), concat(docs)) {
		t.Errorf("BSON: wrong bytes, %v", err)
	}
}

func TestSettings(t *testing.T) {
	started := false
	docs := stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		started = true
		return nil
	})
	text := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
		started = true
		return nil
	})
	wrong := []int{-1}
	if math.MaxInt > math.MaxInt32 { // on a 32-bit platform the largest int is a valid limit
		wrong = append(wrong, math.MaxInt)
	}
	for _, n := range wrong {
		for name, run := range map[string]func() error{
			"ExtJSON ChunkSize": func() error {
				return last(t, stream.Via(docs, bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{ChunkSize: n})))
			},
			"ExtJSON MaxDepth": func() error {
				return last(t, stream.Via(docs, bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{MaxDepth: n})))
			},
			"ExtJSON MaxLine": func() error {
				return last(t, stream.Via(docs, bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{MaxLine: n})))
			},
			"ExtJSON MaxDocument": func() error {
				return last(t, stream.Via(docs, bsoncodec.ExtJSON(&bsoncodec.ExtJSONOptions{MaxDocument: n})))
			},
			"ParseExtJSON MaxLine": func() error {
				return last(t, stream.Via(text, bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{MaxLine: n})))
			},
			"ParseExtJSON MaxDepth": func() error {
				return last(t, stream.Via(text, bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{MaxDepth: n})))
			},
			"ParseExtJSON MaxDocument": func() error {
				return last(t, stream.Via(text, bsoncodec.ParseExtJSON(&bsoncodec.ParseExtJSONOptions{MaxDocument: n})))
			},
			"BSON ChunkSize": func() error {
				return last(t, stream.Via(docs, bsoncodec.BSON(&bsoncodec.BSONOptions{ChunkSize: n})))
			},
			"BSON MaxDepth": func() error {
				return last(t, stream.Via(docs, bsoncodec.BSON(&bsoncodec.BSONOptions{MaxDepth: n})))
			},
			"BSON MaxDocument": func() error {
				return last(t, stream.Via(docs, bsoncodec.BSON(&bsoncodec.BSONOptions{MaxDocument: n})))
			},
			"ParseBSON MaxDepth": func() error {
				return last(t, stream.Via(text, bsoncodec.ParseBSON(&bsoncodec.ParseBSONOptions{MaxDepth: n})))
			},
			"ParseBSON MaxDocument": func() error {
				return last(t, stream.Via(text, bsoncodec.ParseBSON(&bsoncodec.ParseBSONOptions{MaxDocument: n})))
			},
			"AppendExtJSON": func() error {
				_, err := bsoncodec.AppendExtJSON(nil, raw(), &bsoncodec.ExtJSONOptions{MaxDepth: n})
				return err
			},
			"AppendBSON": func() error {
				_, err := bsoncodec.AppendBSON(nil, []byte("{}"), &bsoncodec.ParseExtJSONOptions{MaxLine: n})
				return err
			},
			"Validate": func() error { return bsoncodec.Validate(raw(), &bsoncodec.ValidateOptions{MaxDepth: n}) },
		} {
			if run() == nil {
				t.Errorf("%s of %d passed", name, n)
			}
		}
	}
	if started {
		t.Error("the upstream was started")
	}
}

// last returns the error of a run.
func last[T any](t *testing.T, src stream.Source[T]) error {
	t.Helper()
	_, err := collect(t, src)
	return err
}
