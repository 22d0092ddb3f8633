package codec_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// csvText returns n records, in chunks of 7 bytes.
func csvText(n int) [][]byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for i := range n {
		_ = w.Write(recordAt(i))
	}
	w.Flush()
	return chunksOf(b.Bytes(), 7)
}

func TestParseCSVContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []string]{
		New:   func() stream.Flow[[]byte, []string] { return codec.ParseCSV(nil) },
		Input: csvText,
		Want: func(t *testing.T, in [][]byte, out [][]string) {
			want, err := csv.NewReader(bytes.NewReader(bytes.Join(in, nil))).ReadAll()
			if err != nil {
				t.Error(err)
			}
			sameRecords(t, out, want)
		},
		Bad: []stream.Flow[[]byte, []string]{
			codec.ParseCSV(&codec.ParseCSVOptions{MaxLength: -1}),
			codec.ParseCSV(&codec.ParseCSVOptions{MaxFields: -1}),
			codec.ParseCSV(&codec.ParseCSVOptions{Comma: '\r'}),
			codec.ParseCSV(&codec.ParseCSVOptions{Comma: '#', Comment: '#'}),
			codec.ParseCSV(&codec.ParseCSVOptions{Comment: ','}),
			codec.ParseCSV(&codec.ParseCSVOptions{Comment: '"'}),
		},
	})
}

func TestParseCSVMapsContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, map[string]string]{
		New:   func() stream.Flow[[]byte, map[string]string] { return codec.ParseCSVMaps(nil) },
		Input: func(n int) [][]byte { return append([][]byte{[]byte("i,a,b,c,d\n")}, csvText(n)...) },
		Want: func(t *testing.T, in [][]byte, out []map[string]string) {
			for i, m := range out {
				r := recordAt(i)
				if want := map[string]string{
					"i": r[0], "a": r[1], "b": r[2], "c": r[3],
					"d": r[4],
				}; !reflect.DeepEqual(m, want) {
					t.Errorf("got %v, want %v", m, want)
				}
			}
		},
		Bad: []stream.Flow[[]byte, map[string]string]{codec.ParseCSVMaps(&codec.ParseCSVOptions{MaxLength: -1})},
	})
}

// csvSizes are the tested chunk sizes; 0 means one chunk.
var csvSizes = []int{0, 1, 2, 3, 7}

func TestParseCSV(t *testing.T) {
	for _, c := range []struct {
		name, text string
		opts       codec.ParseCSVOptions
		want       [][]string
	}{
		{"nothing", "", codec.ParseCSVOptions{}, nil},
		{"no newline at the end", "a,b", codec.ParseCSVOptions{}, [][]string{{"a", "b"}}},
		{"CR at the end", "a,b\r", codec.ParseCSVOptions{}, [][]string{{"a", "b"}}},
		{"CR LF", "a,b\r\nc,\"d\r\ne\"\r\n", codec.ParseCSVOptions{}, [][]string{{"a", "b"}, {"c", "d\ne"}}},
		{"empty lines", "\n\r\na\n\n\r\n\"b\n\n\"\n\n", codec.ParseCSVOptions{}, [][]string{{"a"}, {"b\n\n"}}},
		{
			"byte order mark", "\ufeffa,b\n\ufeffc,d\n",
			codec.ParseCSVOptions{},
			[][]string{{"a", "b"}, {"\ufeffc", "d"}},
		},
		{"byte order mark alone", "\ufeff", codec.ParseCSVOptions{}, nil},
		{"byte order mark and quotes", "\ufeff\"a\n\",b", codec.ParseCSVOptions{}, [][]string{{"a\n", "b"}}},
		{"comments", "#x\na\n\"b\n#c\"\n#d", codec.ParseCSVOptions{Comment: '#'}, [][]string{{"a"}, {"b\n#c"}}},
		{"long comment sign", "→x\na\n→", codec.ParseCSVOptions{Comment: '→'}, [][]string{{"a"}}},
		{"lazy quotes", "a\"b,\"c\"d\"\n", codec.ParseCSVOptions{LazyQuotes: true}, [][]string{{"a\"b", "c\"d"}}},
		{"spaces", " a, \"b\"\n", codec.ParseCSVOptions{TrimLeadingSpace: true}, [][]string{{"a", "b"}}},
		{"any number", "a\nb,c\n", codec.ParseCSVOptions{FieldsPerRecord: -1}, [][]string{{"a"}, {"b", "c"}}},
		{
			"commas inside quotes", "a,\",\"\",,\n,\"\n",
			codec.ParseCSVOptions{MaxFields: 2},
			[][]string{{"a", ",\",,\n,"}},
		},
		{
			"commas in comments", "#,,,\na,b\n",
			codec.ParseCSVOptions{MaxFields: 2, Comment: '#'},
			[][]string{{"a", "b"}},
		},
		{"comma", "a;b,c\n", codec.ParseCSVOptions{Comma: ';'}, [][]string{{"a", "b,c"}}},
	} {
		for _, size := range csvSizes {
			got, err := parsed(codec.ParseCSV(&c.opts), c.text, size)
			if err != nil {
				t.Errorf("%s, chunks of %d: %v", c.name, size, err)
			}
			sameRecords(t, got, c.want)
		}
	}
}

func TestParseCSVErrors(t *testing.T) {
	for _, c := range []struct {
		name, text     string
		opts           codec.ParseCSVOptions
		want           error
		record, offset int64
	}{
		{"bare quote", "a,b\n\nc,d\"e\n", codec.ParseCSVOptions{}, csv.ErrBareQuote, 2, 8},
		{"quote inside a field", "a\n\"b\nc\"d\"\n", codec.ParseCSVOptions{}, csv.ErrQuote, 2, 6},
		{"open quote", "a,b\nc,\"d\ne", codec.ParseCSVOptions{}, csv.ErrQuote, 2, 10},
		{"open quote before a newline", "\"a\n", codec.ParseCSVOptions{}, csv.ErrQuote, 1, 3},
		{"open quote after a byte order mark", "\ufeff\"a", codec.ParseCSVOptions{}, csv.ErrQuote, 1, 5},
		{"number of fields", "#\na,b\n\nc\n", codec.ParseCSVOptions{Comment: '#'}, csv.ErrFieldCount, 2, 7},
		{"not that number of fields", "a,b\n", codec.ParseCSVOptions{FieldsPerRecord: 3}, csv.ErrFieldCount, 1, 0},
		{"bare quote after plain lines", "a\nb\n\"c\"\nd\"e\n", codec.ParseCSVOptions{}, csv.ErrBareQuote, 4, 9},
		{"long field", "ab\nabcde\n", codec.ParseCSVOptions{MaxLength: 4}, codec.ErrTooLong, 2, 3},
		{"many lines", "ab\n\"a\nb\n\"\n", codec.ParseCSVOptions{MaxLength: 5}, codec.ErrTooLong, 2, 3},
		{"many fields", "a,b\n,,\n", codec.ParseCSVOptions{MaxFields: 2, FieldsPerRecord: -1}, codec.ErrTooLong, 2, 4},
		{"many more fields", "a,b\n,,,,,,\n", codec.ParseCSVOptions{MaxFields: 2}, codec.ErrTooLong, 2, 4},
		{
			"many fields before an open quote", "\",\",,,,,,,,\"\n",
			codec.ParseCSVOptions{MaxFields: 2},
			codec.ErrTooLong,
			1, 0,
		},
		{
			"lazy quotes hide no fields", "a\",,,,\"\n",
			codec.ParseCSVOptions{MaxFields: 2, LazyQuotes: true},
			codec.ErrTooLong, 1, 0,
		},
		{"many fields, long comma", "a→b→c", codec.ParseCSVOptions{MaxFields: 2, Comma: '→'}, codec.ErrTooLong, 1, 0},
		{"long comment", "ab\n#bcde\n", codec.ParseCSVOptions{MaxLength: 4, Comment: '#'}, codec.ErrTooLong, 2, 3},
	} {
		for _, size := range csvSizes {
			_, err := parsed(codec.ParseCSV(&c.opts), c.text, size)
			wrong, ok := errors.AsType[*codec.InputError](err)
			if !ok || !errors.Is(err, c.want) || stream.ClassOf(err) != stream.Data {
				t.Errorf("%s, chunks of %d: %v of class %v, want %v", c.name, size, err, stream.ClassOf(err), c.want)
				continue
			}
			if wrong.Record != c.record || wrong.Offset != c.offset {
				t.Errorf("%s, chunks of %d: %v, want record %d, byte %d", c.name, size, err, c.record, c.offset)
			}
		}
	}
}

// TestParseCSVMaxLength checks that a record has at most MaxLength bytes. Skipped lines do not
// count.
func TestParseCSVMaxLength(t *testing.T) {
	const limit = 100
	skipped := strings.Repeat("\n\r\n#comment\n", limit)
	parse := codec.ParseCSV(&codec.ParseCSVOptions{MaxLength: limit, Comment: '#'})
	for _, n := range []int{limit - 1, limit, limit + 1, 2 * limit} {
		for _, record := range []string{strings.Repeat("x", n), `"` + strings.Repeat("\n", n-2) + `"`} {
			for _, end := range []string{"", "\n", "\n" + skipped + "a\n"} {
				for _, size := range csvSizes {
					_, err := parsed(parse, skipped+record+end, size)
					if tooLong := errors.Is(err, codec.ErrTooLong); tooLong != (n > limit) || !tooLong && err != nil {
						t.Errorf("%d bytes, end %.5q, chunks of %d: %v", n, end, size, err)
					}
				}
			}
		}
	}
}

// TestParseCSVUpstreamError checks that the error of the upstream takes precedence over the error
// for the truncated record, and that a failed upstream never looks complete.
func TestParseCSVUpstreamError(t *testing.T) {
	for _, boom := range []error{errors.New("boom"), io.EOF, fmt.Errorf("wrapped: %w", io.EOF)} {
		for _, text := range []string{"", "a,b", "a,b\n", "a,\"b", "a,\"b\n", "#c", "\ufeff", "a,b\nc\""} {
			for _, lazy := range []bool{false, true} {
				parse := codec.ParseCSV(&codec.ParseCSVOptions{LazyQuotes: lazy, Comment: '#'})
				err := stream.Via(failsAfter([]byte(text), boom), parse).Each(t.Context(), func([]string) error {
					return nil
				})
				if err != boom { //nolint:errorlint // unchanged
					t.Errorf("%q: got %v, want %v", text, err, boom)
				}
			}
		}
	}
}

func TestParseCSVMaps(t *testing.T) {
	for _, c := range []struct {
		name, text string
		fields     int
		want       []map[string]string
		err        error
		record     int64
	}{
		{
			"two records", "\ufeffa,b\n1,2\n\n3,4", 0,
			[]map[string]string{{"a": "1", "b": "2"}, {"a": "3", "b": "4"}},
			nil, 0,
		},
		{"header alone", "a,b\n", 0, nil, nil, 0},
		{"empty field in the header", "a,\n1,2\n", 0, []map[string]string{{"a": "1", "": "2"}}, nil, 0},
		{"short record", "a,b\n1\n", -1, []map[string]string{{"a": "1"}}, nil, 0},
		{"short record that is not allowed", "a,b\n1\n", 0, nil, csv.ErrFieldCount, 2},
		{"long record", "a,b\n1,2,3\n", -1, nil, csv.ErrFieldCount, 2},
		{"nothing", "", 0, nil, io.ErrUnexpectedEOF, 1},
		{"the same field twice", "a,b,a\n", 0, nil, codec.ErrSyntax, 1},
	} {
		got, err := parsed(codec.ParseCSVMaps(&codec.ParseCSVOptions{FieldsPerRecord: c.fields}), c.text, 0)
		if !errors.Is(err, c.err) || c.err == nil && fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, %v, want %v, %v", c.name, got, err, c.want, c.err)
		}
		if wrong, ok := errors.AsType[*codec.InputError](err); c.err != nil && (!ok || wrong.Record != c.record ||
			stream.ClassOf(err) != stream.Data) {
			t.Errorf("%s: %v of class %v, want record %d", c.name, err, stream.ClassOf(err), c.record)
		}
	}
}

func FuzzParseCSV(f *testing.F) {
	for _, text := range []string{
		"a,b\r\nc,\"d\r\n\"\"e\"\n", "\n#x\n\"a\nb\" ,c", "\ufeff\"\"", "a\"b\n", "\"a\"b\n",
		"\"a", "a\nb,c\r", "a\nb\nc\"d\n", "a,b\nc,d\n\"e\"\"\",f\ng,h\n\"i\nj\"k\n", "a\nb,\n\"c\",\n", "a\nb\nc,d\n",
	} {
		f.Add([]byte(text), 1, uint8(0))
		f.Add([]byte(text), 3, uint8(7))
	}
	f.Fuzz(func(t *testing.T, text []byte, size int, flags uint8) {
		o := codec.ParseCSVOptions{LazyQuotes: flags&1 != 0, TrimLeadingSpace: flags&2 != 0}
		if flags&4 != 0 {
			o.Comment = '#'
		}
		if flags&8 != 0 {
			o.FieldsPerRecord = -1
		}
		if flags&16 != 0 {
			o.Comma = '→'
		}
		r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
		r.LazyQuotes, r.TrimLeadingSpace, r.Comment, r.FieldsPerRecord = o.LazyQuotes, o.TrimLeadingSpace, o.Comment,
			o.FieldsPerRecord
		if o.Comma != 0 {
			r.Comma = o.Comma
		}
		want, werr := r.ReadAll()
		got, err := parsed(codec.ParseCSV(&o), string(text), max(size, 0))
		if (err == nil) != (werr == nil) {
			t.Fatalf("got %v, encoding/csv %v", err, werr)
		}
		if err == nil {
			sameRecords(t, got, want)
			return
		}
		ours, ok := errors.AsType[*csv.ParseError](err)
		theirs, _ := errors.AsType[*csv.ParseError](werr)
		if !ok || *ours != *theirs {
			t.Fatalf("got %v, encoding/csv %v", err, werr)
		}
		if wrong, ok := errors.AsType[*codec.InputError](err); !ok || wrong.Offset < 0 ||
			wrong.Offset > int64(len(text)) {
			t.Fatalf("%v in a text of %d bytes", err, len(text))
		}
	})
}

func ExampleParseCSV() {
	text := source.Of([]byte("Zimtstern,0.40\n\"Lebku"), []byte("chen,\nlarge\",1.20\n"))
	records := stream.Via(text, codec.ParseCSV(nil))
	for record, err := range stream.All(context.Background(), records) {
		fmt.Printf("%q %v\n", record, err)
	}
	// Output:
	// ["Zimtstern" "0.40"] <nil>
	// ["Lebkuchen,\nlarge" "1.20"] <nil>
}

func ExampleParseCSVMaps() {
	text := source.Of([]byte("name;price\nZimtstern;0,40\nLebkuchen;1,20\n"))
	cookies := stream.Via(text, codec.ParseCSVMaps(&codec.ParseCSVOptions{Comma: ';'}))
	for cookie, err := range stream.All(context.Background(), cookies) {
		fmt.Println(cookie["name"], "costs", cookie["price"], err)
	}
	// Output:
	// Zimtstern costs 0,40 <nil>
	// Lebkuchen costs 1,20 <nil>
}
