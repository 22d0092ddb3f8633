package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// panicAt is a writer that panics when it receives a text.
type panicAt struct{ text string }

func (p panicAt) Write(b []byte) (int, error) {
	if strings.Contains(string(b), p.text) {
		panic("crumbs\n\x1b[2J" + strings.Repeat("!", 1<<20))
	}
	return len(b), nil
}

// TestPanic makes the program panic at each of its steps. The error must have one line, and the
// database's files must be gone.
func TestPanic(t *testing.T) {
	for _, at := range []string{"Servers", "Baked", "Dropped"} {
		t.Run(at, func(t *testing.T) {
			leavesNothing(t)
			err := protect(func() error { return run(t.Context(), panicAt{at}) })
			if !errors.As(err, new(*defect)) {
				t.Fatalf("ended with %v", err)
			}
		})
	}
}

// TestPanicOfStage makes a stage panic on another goroutine.
func TestPanicOfStage(t *testing.T) {
	burn := stream.MapParallel(2, func(context.Context, int) (int, error) { panic("burnt") })
	err := protect(func() error {
		_, err := stream.Run(t.Context(), stream.Via(source.Of(1), burn), sink.Slice[int]())
		return err
	})
	if !errors.As(err, new(*defect)) || !strings.HasSuffix(err.Error(), "panic: burnt") {
		t.Errorf("ended with %v", err)
	}
}

// TestEnd checks the last line and the exit code.
func TestEnd(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
		line string
	}{
		{nil, 0, ""},
		{errors.New("no flour"), 1, "cookies: no flour\n"},
		{&defect{"a\nb\x1b"}, 4, "cookies: this program has a defect, please report it: panic: a\\nb\\x1b\n"},
	} {
		var out strings.Builder
		if code := end(&out, c.err); code != c.code || out.String() != c.line {
			t.Errorf("%v: exit code %d, %q", c.err, code, out.String())
		}
	}
	var out strings.Builder
	end(&out, &defect{strings.Repeat("x", 1<<20)})
	if n := out.Len(); n > 2<<10 {
		t.Errorf("the line has %d bytes", n)
	}
}
