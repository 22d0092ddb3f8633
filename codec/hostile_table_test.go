package codec_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/millweir/millweir/internal/hostile"
	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// TestHostile checks the outcome and the memory of decoding hostile input.
func TestHostile(t *testing.T) {
	if raced {
		t.Skip("the rows are about size: every stage runs under the race detector in smaller tests")
	}
	hostile.Table(t, slices.Concat(hostileGzip, hostileZstd, hostileS2, hostileRecords, hostileJSON, hostileCSV))
}

// run processes the input of a row.
type run = func(*testing.T, context.Context) error

// decoded returns a run that sends the parts through f and drops the output.
func decoded(f flow, parts ...[]byte) run {
	return sent(f, func() stream.Source[[]byte] { return inChunks(slices.Values(parts)) })
}

// sent is like decoded for a source that is made when the row runs. Otherwise the inputs of all
// rows would be in memory at once.
func sent(f flow, src func() stream.Source[[]byte]) run {
	return func(_ *testing.T, ctx context.Context) error {
		return f.Apply(src()).Each(ctx, func([]byte) error { return nil })
	}
}

// lentTo is like sent, but the receiver takes chunks lent.
func lentTo(f flow, src func() stream.Source[[]byte]) run {
	return func(_ *testing.T, ctx context.Context) error {
		return stream.EachLent(ctx, f.Apply(src()), func([]byte) error { return nil })
	}
}

// inChunks lends copies of the parts, in chunks of at most 64 KiB.
func inChunks(parts func(func([]byte) bool)) stream.Source[[]byte] {
	return lend.Source(func(_ context.Context, emit func([]byte) error, lent bool) error {
		for part := range parts {
			for p := range slices.Chunk(part, 64<<10) {
				if !lent {
					p = bytes.Clone(p)
				}
				if err := emit(p); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// filled returns a function that makes a source: before, at most n bytes of repeated parts, and
// after.
func filled(before, part string, n int, after string) func() stream.Source[[]byte] {
	return func() stream.Source[[]byte] {
		chunk := []byte(strings.Repeat(part, min(max(1, 64<<10/len(part)), max(1, n/len(part)))))
		return inChunks(func(yield func([]byte) bool) {
			if !yield([]byte(before)) {
				return
			}
			for left := max(n, len(chunk)); left >= len(chunk); left -= len(chunk) {
				if !yield(chunk) {
					return
				}
			}
			yield([]byte(after))
		})
	}
}

// packed returns n zeros, packed.
func packed(pack flow, n int) []byte {
	out, err := collectAll(pack.Apply(filled("", "\x00", n, "")()))
	if err != nil {
		panic(err)
	}
	return out
}

// collectAll returns all that src emits.
func collectAll(src stream.Source[[]byte]) (all []byte, err error) {
	err = src.Each(context.Background(), func(p []byte) error {
		all = append(all, p...)
		return nil
	})
	return all, err
}
