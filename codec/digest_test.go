package codec_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"math"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestDigestContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New:  func() flow { return codec.Digest(sha256.New, func([]byte) {}) },
		Want: sameBytes,
		Bad:  []flow{codec.Digest(nil, func([]byte) {}), codec.Digest(sha256.New, nil)},
	})
}

func TestDigest(t *testing.T) {
	data, boom := jsonText(10_000), errors.New("boom")
	want := sha256.Sum256(data)
	var sums [][]byte
	f := codec.Digest(sha256.New, func(sum []byte) { sums = append(sums, sum) })
	for range 2 {
		if _, err := bytesThrough(f, data, 100); err != nil {
			t.Fatal(err)
		}
	}
	if len(sums) != 2 || !bytes.Equal(sums[0], want[:]) || !bytes.Equal(sums[1], want[:]) {
		t.Errorf("%x, want %x twice", sums, want)
	}
	sums = nil
	if err := drain(stream.Via(failsAfter(data, boom), f)); !errors.Is(err, boom) || sums != nil {
		t.Errorf("the upstream failed: %v, reported %x", err, sums)
	}
	if err := stream.Via(pieces(data, 100), f).Each(context.Background(), func([]byte) error {
		return boom
	}); !errors.Is(err, boom) || sums != nil {
		t.Errorf("the downstream failed: %v, reported %x", err, sums)
	}
	if _, err := stream.Run(context.Background(), stream.Via2(pieces(data, 100), f, stream.Take[[]byte](3)),
		sink.Discard[[]byte]()); err != nil || sums != nil {
		t.Errorf("early end: %v, reported %x", err, sums)
	}
}

func TestLimitRatioContract(t *testing.T) {
	streamtest.TestFlow(t, streamtest.Flow[[]byte, []byte]{
		New:  func() flow { return codec.LimitRatio(codec.Rechunk(50), 1, 0) },
		Want: sameBytes,
		Bad: []flow{
			codec.LimitRatio(codec.Rechunk(5), 0, 0), codec.LimitRatio(codec.Rechunk(5), 1, -1),
			codec.LimitRatio(nil, 1, 0),
		},
	})
}

func TestLimitRatio(t *testing.T) {
	double := stream.Map(func(p []byte) []byte { return append(p, p...) })
	for _, c := range []struct {
		max, floor, size int64
		ok               bool
	}{{2, 0, 1000, true}, {1, 0, 1000, false}, {1, 2000, 1000, true}, {1, 1999, 1000, false}, {3, 0, 1000, true}} {
		_, err := bytesThrough(codec.LimitRatio(double, c.max, c.floor), make([]byte, c.size), 100)
		var limit *codec.LimitError
		if (err == nil) != c.ok || !c.ok && (!errors.As(err, &limit) || limit.Limit != "MaxRatio" ||
			!errors.Is(err, stream.ErrLimit) || stream.ClassOf(err) != stream.Data) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestLimitRatioEdge reads one chunk and emits one whose size is near the limit.
func TestLimitRatioEdge(t *testing.T) {
	for _, c := range []struct {
		in, out int
		max     int64
		ok      bool
	}{
		{1, 10, 10, true},
		{1, 11, 10, false},
		{1, 19, 10, false},
		{1, 20, 10, false},
		{3, 30, 10, true},
		{3, 31, 10, false},
		{1, 0, 1, true},
		{1, 5, math.MaxInt64, true},
	} {
		grow := stream.Map(func([]byte) []byte { return make([]byte, c.out) })
		if _, err := bytesThrough(codec.LimitRatio(grow, c.max, 0), make([]byte, c.in), 0); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func ExampleDigest() {
	var sum []byte
	digest := codec.Digest(func() hash.Hash { return sha256.New() }, func(s []byte) { sum = s })
	show(stream.Via(source.Of([]byte("through"), []byte(" the mill")), digest))
	fmt.Printf("%x\n", sum)
	// Output:
	// through the mill <nil>
	// d531b78ce2710a6bdb46bc0910bd8dbd16a1cb5e7a122903b28e385e36a32c7a
}

func ExampleLimitRatio() {
	double := stream.Map(func(p []byte) []byte { return append(p, p...) })
	show(stream.Via(source.Of([]byte("mill")), codec.LimitRatio(double, 1, 4)))
	// Output: codec: limit ratio: limit exceeded: MaxRatio is 1
}
