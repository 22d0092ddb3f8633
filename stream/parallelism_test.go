package stream_test

import (
	"context"
	"math"
	"runtime"
	"testing"

	"github.com/millweir/millweir/stream"
)

func TestParallelism(t *testing.T) {
	plain := t.Context()
	four := stream.WithParallelism(plain, 4)
	for _, c := range []struct {
		name         string
		ctx          context.Context
		option, want int
	}{
		{"nothing set", plain, 0, 0},
		{"only the option", plain, 3, 3},
		{"only the context", four, 0, 4},
		{"the option wins", four, 3, 3},
		{"the option turns it off", four, -1, 0},
		{"the inner context wins", stream.WithParallelism(four, 2), 0, 2},
		{"all cores", stream.WithParallelism(plain, 0), 0, runtime.GOMAXPROCS(0)},
	} {
		if n, err := stream.Parallelism(c.ctx, c.option); n != c.want || err != nil {
			t.Errorf("%s: %d, %v, want %d", c.name, n, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		ctx    context.Context
		option int
	}{
		"a negative option":     {four, -2},
		"a negative context":    {stream.WithParallelism(plain, -1), 0},
		"more than any machine": {plain, math.MaxInt},
	} {
		if n, err := stream.Parallelism(c.ctx, c.option); n != 0 || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %d, %v, want an error of class Fatal", name, n, err)
		}
	}
}
