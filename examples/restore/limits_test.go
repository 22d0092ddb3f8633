package main

import (
	"math"
	"testing"

	"github.com/millweir/millweir/internal/cli"
)

func TestDefaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		size   int64
		stated *cli.SizeHint
		want   limits
	}{
		{"small", 100, nil, limits{1 << 20, 256 << 20}},
		{"4 MB", 4_000_000, nil, limits{4_000_000, 400_000_000}},
		{
			"4 MB that states little", 4_000_000, &cli.SizeHint{Documents: 10, Bytes: 1000},
			limits{1<<20 + 20, 256<<20 + 2000},
		},
		{
			"4 MB that states much", 4_000_000, &cli.SizeHint{Documents: math.MaxInt64, Bytes: math.MaxInt64},
			limits{4_000_000, 400_000_000},
		},
		{
			"without an end", math.MaxInt64, &cli.SizeHint{Documents: math.MaxInt64, Bytes: math.MaxInt64},
			limits{math.MaxInt64, math.MaxInt64},
		},
		{"without an end, empty", math.MaxInt64, &cli.SizeHint{}, limits{1 << 20, 256 << 20}},
	} {
		got := defaultLimits(c.size)
		if c.stated != nil {
			got = got.lowerTo(*c.stated)
		}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestStatedIn(t *testing.T) {
	for _, c := range []struct {
		documents, bytes string
		want             cli.SizeHint
		ok               bool
	}{
		{"4000", "10880000", cli.SizeHint{Documents: 4000, Bytes: 10_880_000}, true},
		{"0", "0", cli.SizeHint{}, true},
		{"", "", cli.SizeHint{}, false},
		{"4000", "", cli.SizeHint{}, false},
		{"-1", "10", cli.SizeHint{}, false},
		{"99999999999999999999", "1", cli.SizeHint{}, false},
		{"x", "y", cli.SizeHint{}, false},
	} {
		metadata := map[string]string{"millweir-about-documents": c.documents, "millweir-about-bson-bytes": c.bytes}
		if got, ok := cli.ParseSizeHint(metadata); ok != c.ok || ok && got != c.want {
			t.Errorf("%q, %q: %v, %t", c.documents, c.bytes, got, ok)
		}
	}
	if got, ok := cli.ParseSizeHint(cli.SizeHint{Documents: 1, Bytes: 2}.AddTo(map[string]string{})); !ok ||
		got != (cli.SizeHint{Documents: 1, Bytes: 2}) {
		t.Error(got, ok)
	}
}
