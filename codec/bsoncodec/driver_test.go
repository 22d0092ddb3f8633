package bsoncodec_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"testing"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/bsonrand"
	"github.com/millweir/millweir/stream"
)

// long reports whether slow tests check all cases. Set -long or MILLWEIR_LONG=1.
var long = flag.Bool("long", os.Getenv("MILLWEIR_LONG") != "",
	"take a million random documents instead of some thousands")

// many returns how many random documents a test takes. The long run is
//
//	MILLWEIR_LONG=1 go test ./codec/bsoncodec -run Random -timeout 2h
func many(usual int) int {
	if *long {
		return 1_000_000
	}
	return usual
}

// driverExact returns what the driver writes for doc, and whether it reads that back byte for byte.
func driverExact(doc bson.Raw, canonical bool) ([]byte, bool) {
	text, err := bson.MarshalExtJSON(doc, canonical, false)
	if err != nil {
		return nil, false
	}
	var back bson.Raw
	if err := bson.UnmarshalExtJSON(text, canonical, &back); err != nil {
		return text, false
	}
	return text, bytes.Equal(back, doc)
}

// asDriver fails t if doc is not written as the driver writes it, in both modes. It skips a mode in
// which the driver cannot read its own text back exactly, and text that is not valid JSON, because
// the driver does not escape the namespace of a DBPointer. It also skips documents with the key of
// our escape form, which the driver does not know. It reports whether it compared the canonical
// mode.
func asDriver(t *testing.T, doc bson.Raw) bool {
	t.Helper()
	exact := false
	for _, canonical := range []bool{true, false} {
		want, ok := driverExact(doc, canonical)
		if !ok || !json.Valid(want) || !utf8.Valid(want) || bytes.Contains(want, []byte(escapeKey)) {
			continue
		}
		exact = exact || canonical
		got, err := bsoncodec.AppendExtJSON(nil, doc, &bsoncodec.ExtJSONOptions{Relaxed: !canonical})
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("canonical %v:\ngot  %s, %v\nwant %s", canonical, got, err, want)
		}
	}
	return exact
}

func TestRandomDocumentsAsDriver(t *testing.T) {
	for _, odd := range []bool{false, true} {
		g, exact, total := bsonrand.New(11), 0, many(3000)
		for range total {
			if g.Odd = odd; asDriver(t, g.Doc()) {
				exact++
			}
		}
		t.Logf("odd %v: the driver is exact for %d of %d", odd, exact, total)
		if exact < total/3 {
			t.Errorf("odd %v: only %d of %d documents were compared", odd, exact, total)
		}
	}
	for _, s := range shapes() {
		for _, doc := range s.docs {
			asDriver(t, doc)
		}
	}
}

func TestRandomDocumentsComeBack(t *testing.T) {
	for _, odd := range []bool{false, true} {
		g := bsonrand.New(12)
		g.Odd = odd
		for range many(5000) {
			roundTrip(t, g.Doc())
		}
	}
}

// TestRandomDocumentsComeBackThroughTheStages runs random documents through the stages, in chunks
// cut at random: as JSON and as raw BSON. Documents without odd values must pass the strict check.
func TestRandomDocumentsComeBackThroughTheStages(t *testing.T) {
	for _, odd := range []bool{false, true} {
		for name, through := range map[string]func(stream.Source[bson.Raw]) stream.Source[bson.Raw]{
			"JSON": func(src stream.Source[bson.Raw]) stream.Source[bson.Raw] {
				return stream.Via3(src, bsoncodec.ExtJSON(nil), ragged(9), bsoncodec.ParseExtJSON(nil))
			},
			"BSON": func(src stream.Source[bson.Raw]) stream.Source[bson.Raw] {
				return stream.Via3(src, bsoncodec.BSON(&bsoncodec.BSONOptions{Validate: true, Strict: !odd}), ragged(9),
					bsoncodec.ParseBSON(&bsoncodec.ParseBSONOptions{Strict: !odd}))
			},
		} {
			total := many(5000)
			in, again := bsonrand.New(13), bsonrand.New(13)
			in.Odd, again.Odd = odd, odd
			src := stream.SourceFunc[bson.Raw](func(_ context.Context, emit func(bson.Raw) error) error {
				for range total {
					if err := emit(in.Doc()); err != nil {
						return err
					}
				}
				return nil
			})
			n := 0
			for doc, err := range stream.All(t.Context(), through(src)) {
				if err != nil {
					t.Fatalf("%s, odd %v, document %d: %v", name, odd, n, err)
				}
				if want := again.Doc(); !bytes.Equal(doc, want) {
					t.Fatalf("%s, odd %v, document %d: got %x, want %x", name, odd, n, []byte(doc), []byte(want))
				}
				n++
			}
			if n != total {
				t.Errorf("%s, odd %v: %d documents of %d", name, odd, n, total)
			}
		}
	}
}

// ragged is a flow that cuts a stream into chunks of random sizes.
func ragged(seed uint64) stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		r := rand.New(rand.NewPCG(seed, seed))
		return src.Each(ctx, func(chunk []byte) error {
			for len(chunk) > 0 {
				n := min(1+r.IntN(1<<r.IntN(17)), len(chunk))
				if err := emit(chunk[:n:n]); err != nil {
					return err
				}
				chunk = chunk[n:]
			}
			return nil
		})
	})
}

// TestRandomNumbersAsDriver: random doubles of every magnitude, and doubles with few digits, are
// written as the driver writes them, and read back.
func TestRandomNumbersAsDriver(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range many(20000) {
		for _, v := range []string{
			u64(r.Uint64()), f64(r.NormFloat64()), f64(float64(r.IntN(1e8)) / 100),
			f64(float64(r.Uint64()>>r.IntN(64)) / 1e6), f64(float64(r.IntN(3e6)) / 3),
		} {
			roundTrip(t, one(0x01, v))
			asDriver(t, one(0x01, v))
		}
		high, low := r.Uint64(), r.Uint64()>>r.IntN(64)
		if r.IntN(2) == 0 {
			high = r.Uint64()&(1<<63) | (6176-40+r.Uint64N(50))<<49 | r.Uint64N(1<<49)>>r.IntN(50)
		}
		roundTrip(t, one(0x13, u64(low)+u64(high)))
		asDriver(t, one(0x13, u64(low)+u64(high)))
		roundTrip(t, one(0x12, u64(r.Uint64()>>r.IntN(64))))
		asDriver(t, one(0x09, u64(r.Uint64()>>r.IntN(64))))
	}
}

// TestRandomDecimalTextsAsDriver: random decimal texts, many of them out of range, are read as the
// driver reads them, or refused by both.
func TestRandomDecimalTextsAsDriver(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	accepted := 0
	for range many(20000) {
		digits := func(n int) string {
			b := make([]byte, r.IntN(n))
			for i := range b {
				b[i] = pick("0", "0", "1", "9", "5")[0]
			}
			return string(b)
		}
		s := pick("", "-") + digits(pick2(r, 5, 40)) + pick("", ".") + digits(pick2(r, 5, 40)) +
			pick("", "E", "e+", "e-", "E-617", "E611", "E+614")
		s += digits(3)
		text := []byte(`{"a":{"$numberDecimal":"` + s + `"}}`)
		got, err := bsoncodec.AppendBSON(nil, text, nil)
		var want bson.Raw
		err2 := bson.UnmarshalExtJSON(text, false, &want)
		if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%s: got %x, %v, the driver %x, %v", s, got, err, []byte(want), err2)
		}
		if err == nil {
			accepted++
		}
	}
	if accepted == 0 {
		t.Error("no text was a decimal")
	}
}

func pick2(r *rand.Rand, a, b int) int {
	if r.IntN(2) == 0 {
		return a
	}
	return b
}
