package codec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// budgeted are the stages that take memory from a budget, with their minimum and, with Parallelism
// 3, their maximum.
var budgeted = map[string]struct {
	pack, unpack func(n int) flow
	fused        int64 // minimum without goroutines; 0 if it takes nothing
	block        int64
	unfused      int64 // the same of the decoder
	unit         int64
}{
	"gzip": {
		func(n int) flow { return codec.Gzip(&codec.GzipOptions{Parallelism: n}) }, gunzipBy,
		1 << 20, 5 << 19, 0, 3 << 20,
	},
	"zlib": {
		func(n int) flow { return codec.Zlib(&codec.DeflateOptions{Parallelism: n}) },
		func(int) flow { return codec.Unzlib(nil) },
		1 << 20, 5 << 19, 0, 0,
	},
	"zstd": {
		func(n int) flow { return codec.Zstd(&codec.ZstdOptions{Parallelism: n}) },
		func(n int) flow { return codec.Unzstd(&codec.UnzstdOptions{Parallelism: n}) },
		10 << 20, 5 << 20, 9 << 20, 3 << 20,
	},
	"s2": {
		func(n int) flow { return codec.S2(&codec.S2Options{Parallelism: n}) },
		func(n int) flow { return codec.UnS2(&codec.UnS2Options{Parallelism: n}) },
		5 << 19, 5 << 19, 3 << 20, 3 << 20,
	},
}

// TestBudgetOfCodecs runs each stage with the smallest budget that works, and with one byte less.
func TestBudgetOfCodecs(t *testing.T) {
	data := append(jsonText(5<<20), noise(3<<20)...)
	for name, c := range budgeted {
		packed := must(t)(bytesThrough(c.pack(2), data, 0))
		for _, d := range []struct {
			what     string
			f        flow
			in       []byte
			parallel int // of the context
			least    int64
		}{
			{"fused", c.pack(-1), data, 4, c.fused},
			{"of the context", c.pack(0), data, 3, c.block},
			{"of the option", c.pack(3), data, 0, 6 * c.block},
			{"decoder, fused", c.unpack(-1), packed, 4, c.unfused},
			{"decoder, of the context", c.unpack(0), packed, 3, c.unit},
			{"decoder, of the option", c.unpack(3), packed, 0, 3 * c.unit},
		} {
			if d.least == 0 {
				continue
			}
			want := must(t)(bytesThrough(d.f, d.in, 0))
			run := func(bytes int64) ([][]byte, *stream.Budget, error) {
				b := stream.NewBudget(bytes)
				ctx := stream.WithBudget(t.Context(), b)
				if d.parallel > 0 {
					ctx = stream.WithParallelism(ctx, d.parallel)
				}
				out, err := stream.Run(ctx, stream.Via(pieces(d.in, 50_000), d.f), sink.Slice[[]byte]())
				return out, b, err
			}
			out, b, err := run(d.least)
			if got := bytes.Join(out, nil); err != nil || !bytes.Equal(got, want) && d.parallel == 0 {
				t.Errorf("%s, %s: %d bytes of %d, %v", name, d.what, len(got), len(want), err)
			}
			if b.Used() != 0 {
				t.Errorf("%s, %s: %d bytes are still held", name, d.what, b.Used())
			}
			_, b, err = run(d.least - 1)
			if stream.ClassOf(err) != stream.Fatal || !strings.Contains(err.Error(), fmt.Sprint(d.least)) {
				t.Errorf("%s, %s, a byte less than %d: %v", name, d.what, d.least, err)
			}
			if b.Used() != 0 {
				t.Errorf("%s, %s: %d bytes are still held after %v", name, d.what, b.Used(), err)
			}
		}
	}
}

// TestBudgetIsShared runs many pipelines in a budget for a few of them. They all end, and they
// never hold more.
func TestBudgetIsShared(t *testing.T) {
	data := jsonText(3 << 20)
	for name, c := range budgeted {
		least := max(c.block+c.unit, c.block+c.unfused)
		b := stream.NewBudget(3 * least)
		ctx := stream.WithParallelism(stream.WithBudget(t.Context(), b), 2)
		var runs sync.WaitGroup
		for range 8 {
			runs.Go(func() {
				var size int
				_, err := stream.Run(ctx, stream.Via2(pieces(data, 60_000), c.pack(0), c.unpack(0)),
					sink.ForEach(func(_ context.Context, p []byte) error {
						size += len(p)
						if used := b.Used(); used > 3*least {
							return fmt.Errorf("%d bytes of %d are held", used, 3*least)
						}
						return nil
					}))
				if err != nil || size != len(data) {
					t.Errorf("%s: %d bytes of %d, %v", name, size, len(data), err)
				}
			})
		}
		runs.Wait()
		if b.Used() != 0 || b.Waiting() != 0 {
			t.Errorf("%s: %d bytes are held, %d runs wait", name, b.Used(), b.Waiting())
		}
	}
}

// TestBudgetCancelled cancels runs that wait for the budget.
func TestBudgetCancelled(t *testing.T) {
	errStop := errors.New("stop")
	for name, c := range budgeted {
		for _, n := range []int{-1, 0} {
			synctest.Test(t, func(t *testing.T) {
				b := stream.NewBudget(c.fused + c.block)
				ctx, cancel := context.WithCancelCause(stream.WithParallelism(stream.WithBudget(t.Context(), b), 2))
				full := stream.Go(ctx, stream.SourceFunc[int](func(ctx context.Context, _ func(int) error) error {
					a := stream.OpenAccount(ctx, stream.Need{Stage: "full", Min: b.Size()})
					defer a.Close()
					if err := a.Acquire(ctx, b.Size()); err != nil {
						return err
					}
					<-ctx.Done()
					return context.Cause(ctx)
				}), sink.Discard[int]())
				synctest.Wait()
				waiting := stream.Go(ctx, stream.Via(pieces([]byte("text"), 0), c.pack(n)), sink.Discard[[]byte]())
				synctest.Wait()
				if b.Waiting() != 1 {
					t.Errorf("%s: %d runs wait", name, b.Waiting())
				}
				cancel(errStop)
				_, _ = full.Wait()
				if _, err := waiting.Wait(); err != errStop { //nolint:errorlint // unchanged
					t.Errorf("%s by %d: %v, want %v", name, n, err, errStop)
				}
				if b.Used() != 0 {
					t.Errorf("%s: %d bytes are held", name, b.Used())
				}
			})
		}
	}
}
