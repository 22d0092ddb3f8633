package codec_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// recordAt is the i-th record of an input.
func recordAt(i int) []string { return []string{fmt.Sprint(i), "a,b", "two\nlines", `"quoted"`, ""} }

func TestCSVContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]string, []byte]{
		New: func() stream.Flow[[]string, []byte] { return codec.CSV(nil) },
		In:  recordAt,
		Want: func(t *testing.T, in [][]string, out [][]byte) {
			got, err := csv.NewReader(bytes.NewReader(bytes.Join(out, nil))).ReadAll()
			if err != nil {
				t.Error(err)
			}
			sameRecords(t, got, in)
		},
		Bad: []stream.Flow[[]string, []byte]{
			codec.CSV(&codec.CSVOptions{Comma: '"'}),
			codec.CSV(&codec.CSVOptions{Comma: '\n'}),
			codec.CSV(&codec.CSVOptions{Comma: -1}),
		},
	})
}

func sameRecords(t *testing.T, got, want [][]string) {
	t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got %.500q, want %.500q", got, want)
	}
}

// TestCSVRoundTrip checks that records come back unchanged, even those that encoding/csv alone
// loses: a record of one empty field, and a byte order mark.
func TestCSVRoundTrip(t *testing.T) {
	for name, records := range map[string][][]string{
		"none":               nil,
		"one empty field":    {{""}, {"a"}, {""}},
		"two empty fields":   {{"", ""}},
		"byte order mark":    {{"\ufeffa"}, {"\ufeffb"}},
		"marks and more":     {{"\ufeff", "a", ""}, {"\ufeff\"", "b", "c"}},
		"quotes":             {{`"`, `""`, `a"b`}},
		"newlines":           {{"a\nb", "\n", "\r"}},
		"spaces":             {{" a", "b ", "\u00a0c"}},
		"not UTF-8":          {{"\xff", "a\x00b"}},
		"longer than chunks": {{strings.Repeat("x", 200_000), strings.Repeat("\"\n", 50_000)}, {"a", "b"}},
	} {
		for _, comma := range []rune{0, '\t', ';', '→'} {
			for _, size := range []int{0, 1, 2, 4096, 4097} {
				if size > 0 && size < 100 && name == "longer than chunks" {
					continue
				}
				write := codec.CSV(&codec.CSVOptions{Comma: comma})
				out, err := stream.Run(t.Context(), stream.Via(source.Slice(records), write), sink.Slice[[]byte]())
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				parse := codec.ParseCSV(&codec.ParseCSVOptions{Comma: comma})
				got, err := parsed(parse, string(bytes.Join(out, nil)), size)
				if err != nil {
					t.Errorf("%s, comma %q, chunks of %d: %v", name, comma, size, err)
				}
				sameRecords(t, got, records)
			}
		}
	}
}

// TestCSVLikeEncodingCSV compares random records with the output of encoding/csv, which the first
// record of a stream and a record of one empty field may differ from.
func TestCSVLikeEncodingCSV(t *testing.T) {
	parts := []string{
		"a", "", `"`, ",", "\n", "\r", "\r\n", " ", "\t", "→", ";", "é", "\u00a0", `\.`, "\xff", "\x00", "long text",
		"\u2028",
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, comma := range []rune{',', ';', '\t', '→', 'é'} {
		records := [][]string{{"first", "record"}}
		for range 3_000 {
			record := make([]string, 2+r.IntN(3))
			for i := range record {
				for range r.IntN(4) {
					record[i] += parts[r.IntN(len(parts))]
				}
			}
			records = append(records, record)
		}
		var want bytes.Buffer
		w := csv.NewWriter(&want)
		w.Comma = comma
		if err := w.WriteAll(records); err != nil {
			t.Fatal(err)
		}
		write := codec.CSV(&codec.CSVOptions{Comma: comma, FieldsPerRecord: -1})
		got, err := stream.Run(t.Context(), stream.Via(source.Slice(records), write), sink.Slice[[]byte]())
		if err != nil || !bytes.Equal(bytes.Join(got, nil), want.Bytes()) {
			t.Errorf("comma %q: not the output of encoding/csv, %v", comma, err)
		}
	}
}

func TestCSVErrors(t *testing.T) {
	for _, c := range []struct {
		name    string
		opts    *codec.CSVOptions
		records [][]string
		want    error
		place   codec.InputError
	}{
		{"no fields", nil, [][]string{{"ab"}, {}}, codec.ErrSyntax, codec.InputError{Record: 2, Offset: 3}},
		{"no fields first", nil, [][]string{{}}, codec.ErrSyntax, codec.InputError{Record: 1}},
		{
			"another number", nil,
			[][]string{{"a", "b"}, {"c"}},
			csv.ErrFieldCount,
			codec.InputError{Record: 2, Offset: 4},
		},
		{
			"not that number", &codec.CSVOptions{FieldsPerRecord: 3},
			[][]string{{"a", "b"}},
			csv.ErrFieldCount,
			codec.InputError{Record: 1},
		},
		{"any number", &codec.CSVOptions{FieldsPerRecord: -1}, [][]string{{"a", "b"}, {"c"}}, nil, codec.InputError{}},
	} {
		_, err := stream.Run(t.Context(), stream.Via(source.Slice(c.records), codec.CSV(c.opts)), sink.Slice[[]byte]())
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
			continue
		}
		if wrong, ok := errors.AsType[*codec.InputError](err); ok {
			if wrong.Record != c.place.Record || wrong.Offset != c.place.Offset || stream.ClassOf(err) != stream.Data {
				t.Errorf("%s: %v of class %v, want record %d, byte %d", c.name, err, stream.ClassOf(err),
					c.place.Record, c.place.Offset)
			}
		}
	}
}

func TestCSVPassesEmitErrorUnchanged(t *testing.T) {
	boom := errors.New("boom")
	for _, records := range [][][]string{{{"a"}}, {{strings.Repeat("x", 300_000)}, {"a"}, {"b"}}} {
		calls := 0
		err := stream.Via(source.Slice(records), codec.CSV(nil)).Each(t.Context(), func([]byte) error {
			calls++
			return boom
		})
		if err != boom || calls != 1 { //nolint:errorlint // unchanged
			t.Errorf("%v after %d calls", err, calls)
		}
	}
}

func ExampleCSV() {
	cookies := source.Of(
		[]string{"name", "price"},
		[]string{"Zimtstern", "0.40"},
		[]string{"Lebkuchen, large", "1.20"},
	)
	_, err := stream.Run(context.Background(), stream.Via(cookies, codec.CSV(nil)), sink.Writer(os.Stdout))
	fmt.Println(err)
	// Output:
	// name,price
	// Zimtstern,0.40
	// "Lebkuchen, large",1.20
	// <nil>
}
