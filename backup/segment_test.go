package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/iotest"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// numbers returns n documents.
func numbers(t *testing.T, n int) []bson.Raw {
	t.Helper()
	docs := make([]bson.Raw, n)
	for i := range docs {
		var err error
		if docs[i], err = bson.Marshal(bson.D{
			{Key: "_id", Value: i},
			{Key: "name", Value: fmt.Sprint("é\n", i)},
		}); err != nil {
			t.Fatal(err)
		}
	}
	return docs
}

// encoded returns the bytes of a segment, and what is known of it.
func encoded(t *testing.T, p place, encoding Encoding, to []age.Recipient, docs []bson.Raw) ([]byte, stored) {
	t.Helper()
	var out bytes.Buffer
	var s stored
	_, err := stream.Run(t.Context(),
		stream.Via(source.Slice(docs), encode(p, encoding, to, func(all stored) { s = all })), sink.Writer(&out))
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), s
}

func decoded(ctx context.Context, p place, encoding Encoding, by []age.Identity, body []byte) ([]bson.Raw, Tally,
	error,
) {
	var all Tally
	decoding := decode(p, encoding, by, newTally, func(t Tally) { all = t })
	docs, err := stream.Run(ctx, stream.Via(source.Reader(iotest.OneByteReader(bytes.NewReader(body))), decoding),
		sink.Slice[bson.Raw]())
	return docs, all, err
}

var somewhere = place{Repository: "r", Run: "x", Kind: kindSegment, Unit: 1, Number: 2, Database: "db", Collection: "c"}

// Every encoding gives back the documents, byte for byte, and their tally.
func TestSegmentRoundTrip(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, encoding := range []Encoding{"", JSONGzip, JSONZstd, BSONGzip, BSONZstd} {
		for _, n := range []int{0, 1, 100} {
			for _, plain := range []bool{false, true} {
				to, by := []age.Recipient{identity.Recipient()}, []age.Identity{identity}
				if plain {
					to, by = nil, nil
				}
				docs := numbers(t, n)
				body, s := encoded(t, somewhere, encoding, to, docs)
				got, all, err := decoded(t.Context(), somewhere, encoding, by, body)
				if err != nil || len(got) != n || all != s.Tally || s.Length != int64(len(body)) ||
					all.Documents != int64(n) {
					t.Fatalf("%s of %d: %d documents, %v", encoding, n, len(got), err)
				}
				for i := range got {
					if !bytes.Equal(got[i], docs[i]) {
						t.Fatalf("%s: document %d has changed", encoding, i)
					}
				}
			}
		}
	}
}

// A segment that was cut, at any byte, or is in another place is refused.
func TestSegmentDamaged(t *testing.T) {
	docs := numbers(t, 3)
	for _, encoding := range []Encoding{JSONGzip, BSONZstd} {
		body, _ := encoded(t, somewhere, encoding, nil, docs)
		for n := range body {
			if _, _, err := decoded(t.Context(), somewhere, encoding, nil, body[:n]); err == nil {
				t.Errorf("%s: cut to %d bytes of %d", encoding, n, len(body))
			}
		}
		for n := range body {
			flipped := bytes.Clone(body)
			flipped[n] ^= 1 << (n % 8)
			got, _, err := decoded(t.Context(), somewhere, encoding, nil, flipped)
			if err == nil && len(got) != len(docs) {
				t.Errorf("%s: byte %d flipped", encoding, n)
			}
		}
	}
	for name, change := range map[string]func(*place){
		"repository": func(p *place) { p.Repository = "s" },
		"run":        func(p *place) { p.Run = "y" },
		"kind":       func(p *place) { p.Kind = kindCatalog },
		"unit":       func(p *place) { p.Unit++ },
		"number":     func(p *place) { p.Number++ },
		"database":   func(p *place) { p.Database = "" },
		"collection": func(p *place) { p.Collection = "d" },
	} {
		other := somewhere
		change(&other)
		body, _ := encoded(t, other, "", nil, docs)
		if _, _, err := decoded(t.Context(), somewhere, "", nil, body); !errors.Is(err, ErrDamaged) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// A list without its end record, or with documents that were removed, is refused.
func TestEndRecord(t *testing.T) {
	docs := numbers(t, 3)
	with, err := stream.Run(t.Context(), stream.Via(source.Slice(docs), withEnd(somewhere, func(Tally) {})),
		sink.Slice[bson.Raw]())
	if err != nil || len(with) != 4 {
		t.Fatal(len(with), err)
	}
	for name, list := range map[string][]bson.Raw{
		"nothing":         nil,
		"no end":          with[:3],
		"one less":        with[1:],
		"one twice":       {with[0], with[0], with[1], with[2], with[3]},
		"another order":   {with[1], with[0], with[2], with[3]},
		"two ends":        append(with[:4:4], with[3]),
		"end in between":  {with[0], with[1], with[3], with[2]},
		"another, longer": {with[0], with[1], numbers(t, 11)[10], with[3]},
	} {
		_, err := stream.Run(t.Context(), stream.Via(source.Slice(list), withoutEnd(somewhere, newTally, func(Tally) {
			t.Errorf("%s: reported", name)
		})), sink.Slice[bson.Raw]())
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Sums are numbers modulo 2^256, and do not depend on the order.
func TestTally(t *testing.T) {
	docs := numbers(t, 5)
	all, some, rest := newTally(), newTally(), newTally()
	for i, doc := range docs {
		all.add(docs[4-i])
		if i < 2 {
			some.add(doc)
		} else {
			rest.add(doc)
		}
	}
	both, ok := some.result().Plus(rest.result())
	if !ok || !both.SameDocuments(all.result()) {
		t.Errorf("%+v is not %+v", both, all.result())
	}
	s, _ := parseSum("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")
	s.add([32]byte{31: 2})
	if s.String() != "0000000000000000000000000000000000000000000000000000000000000001" {
		t.Error(s.String())
	}
}
