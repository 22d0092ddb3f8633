package codec_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
)

// TestWaitingRunsTakeLittleMemory starts many runs whose sources have no data yet. Tables, windows
// and blocks are made for the first bytes.
func TestWaitingRunsTakeLittleMemory(t *testing.T) {
	const runs, most = 40, 32 << 10
	for name, f := range map[string]flow{
		"gzip": codec.Gzip(nil), "gzip, thorough": codec.Gzip(&codec.GzipOptions{Level: 9}),
		"zlib": codec.Zlib(nil), "deflate": codec.Deflate(nil), "zstd": codec.Zstd(nil), "s2": codec.S2(nil),
		"gunzip": codec.Gunzip(nil), "unzlib": codec.Unzlib(nil), "inflate": codec.Inflate(nil),
		"unzstd": codec.Unzstd(nil), "uns2": codec.UnS2(nil), "detect": codec.Detect(nil),
		"gzip by 2":   codec.Gzip(&codec.GzipOptions{Parallelism: 2}),
		"zlib by 2":   codec.Zlib(&codec.DeflateOptions{Parallelism: 2}),
		"zstd by 2":   codec.Zstd(&codec.ZstdOptions{Parallelism: 2}),
		"s2 by 2":     codec.S2(&codec.S2Options{Parallelism: 2}),
		"gunzip by 2": codec.Gunzip(&codec.GunzipOptions{Parallelism: 2}),
		"unzstd by 2": codec.Unzstd(&codec.UnzstdOptions{Parallelism: 2}),
		"uns2 by 2":   codec.UnS2(&codec.UnS2Options{Parallelism: 2}),
	} {
		synctest.Test(t, func(t *testing.T) {
			before := memory()
			ctx, cancel := context.WithCancel(t.Context())
			waiting := stream.SourceFunc[[]byte](func(ctx context.Context, _ func([]byte) error) error {
				<-ctx.Done()
				return context.Cause(ctx)
			})
			var ends sync.WaitGroup
			for range runs {
				ends.Go(func() { _ = stream.Via(waiting, f).Each(ctx, func([]byte) error { return nil }) })
			}
			synctest.Wait()
			if n := (int64(memory()) - int64(before)) / runs; n > most && !raced {
				t.Errorf("%s: a waiting run takes %d KiB, want at most %d", name, n>>10, most>>10)
			}
			cancel()
			ends.Wait()
		})
	}
}
