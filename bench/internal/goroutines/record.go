// Package goroutines measures how the CPU time of a process is distributed among its goroutines.
//
// A CPU profile does not name goroutines. This package identifies them by the label of [Stage] and
// by the function that they began with. Goroutines that share both, such as the workers of a
// parallel stage, count as one kind.
package goroutines

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/millweir/millweir/stream"
)

// labelKey is the key of the labels of stages.
const labelKey = "stage"

// Stage returns src with a label: the goroutine that runs it, and those that it starts, have this
// name in [Record].
func Stage[T any](name string, src stream.Source[T]) stream.Source[T] {
	return stage[T]{name, src}
}

type stage[T any] struct {
	name string
	src  stream.Source[T]
}

// Each implements [stream.Source].
func (s stage[T]) Each(ctx context.Context, emit func(T) error) (err error) {
	s.do(ctx, func(ctx context.Context) { err = s.src.Each(ctx, emit) })
	return err
}

func (s stage[T]) do(ctx context.Context, f func(context.Context)) {
	pprof.Do(ctx, pprof.Labels(labelKey, s.name), f)
}

// Chunks is [Stage] for a source that can lend its chunks.
func Chunks(name string, src stream.Source[[]byte]) stream.Source[[]byte] {
	return chunks{stage[[]byte]{name, src}}
}

type chunks struct{ stage[[]byte] }

// WriteTo implements [stream.Lender].
func (s chunks) WriteTo(ctx context.Context, w io.Writer) (err error) {
	s.do(ctx, func(ctx context.Context) {
		err = stream.EachLent(ctx, s.src, func(p []byte) error {
			_, err := w.Write(p)
			return err
		})
	})
	return err
}

const (
	hertz    = 500                   // samples of the CPU profile for a second of CPU time
	interval = 50 * time.Millisecond // between two counts of the goroutines
)

// Record calls run and returns the shares of the goroutines, the largest first.
func Record(run func() error) ([]Share, error) {
	var profile bytes.Buffer
	runtime.SetCPUProfileRate(hertz) // StartCPUProfile then keeps this rate, with a message
	if err := pprof.StartCPUProfile(&profile); err != nil {
		return nil, err
	}
	stop, counted := make(chan struct{}), make(chan counts)
	go func() { counted <- countUntil(stop) }() // shares leaves it out
	err := run()
	pprof.StopCPUProfile()
	close(stop)
	kinds := <-counted
	if err != nil {
		return nil, err
	}
	samples, err := parse(&profile)
	if err != nil {
		return nil, err
	}
	return shares(samples, kinds), nil
}

// countUntil counts the goroutines of each kind again and again. It returns the largest counts.
func countUntil(stop <-chan struct{}) counts {
	most := counts{}
	for tick := time.Tick(interval); ; {
		select {
		case <-stop:
			return most
		case <-tick:
		}
		var profile bytes.Buffer
		if pprof.Lookup("goroutine").WriteTo(&profile, 0) != nil {
			continue
		}
		samples, err := parse(&profile)
		if err != nil {
			continue
		}
		now := counts{}
		for _, s := range samples {
			now[s.kind()] += int(s.value)
		}
		for k, n := range now {
			most[k] = max(most[k], n)
		}
	}
}
