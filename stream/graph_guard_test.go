package stream_test

import (
	"bytes"
	"context"
	"runtime"
	"sync/atomic"

	"github.com/millweir/millweir/stream"
)

// guarded returns src with checks of how it calls emit and when it ends.
func guarded(f *faults, name string, src stream.Source[uint64]) stream.Source[uint64] {
	return stream.SourceFunc[uint64](func(ctx context.Context, emit func(uint64) error) error {
		var inside atomic.Int32
		var failed, over atomic.Bool
		home := goroutine()
		defer over.Store(true)
		err := src.Each(ctx, func(v uint64) error {
			defer inside.Add(-1)
			switch {
			case inside.Add(1) != 1:
				f.breach("%s: emit inside emit", name)
			case over.Load():
				f.breach("%s: emit after the end", name)
			case failed.Load():
				f.breach("%s: emit after emit failed", name)
			case goroutine() != home:
				f.breach("%s: emit on another goroutine", name)
			}
			calm := false
			defer func() {
				if !calm {
					failed.Store(true)
				}
			}()
			err := emit(v)
			calm = err == nil
			return err
		})
		if err == nil && failed.Load() {
			f.breach("%s: nil was returned after an emit that failed", name)
		}
		return err
	})
}

// goroutine returns the name of the calling goroutine.
func goroutine() string {
	var buf [64]byte
	name, _, _ := bytes.Cut(buf[:runtime.Stack(buf[:], false)], []byte(" ["))
	return string(name)
}
