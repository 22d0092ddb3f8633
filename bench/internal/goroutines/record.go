// Package goroutines measures how the CPU time of a process is distributed among its goroutines.
//
// A CPU profile does not name goroutines. This package identifies them by the function that they
// began with and by the [Stage] whose goroutine started them. Goroutines that share both, such as
// the workers of a parallel stage, count as one kind. A goroutine that runs several stages is of one
// kind all the time.
package goroutines

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/millweir/millweir/stream"
)

// The keys of labels.
const (
	stageKey = "stage" // the innermost stage that the goroutine runs, or of the one that started it
	// inside of labelled, the kind of the goroutine: a profile may lack the outer end of its stack
	beganKey = "began"
	rootKey  = "root"
)

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
	labelled(ctx, s.name, func(ctx context.Context) { err = s.src.Each(ctx, emit) })
	return err
}

// labelled calls f, which runs a stage with a name.
func labelled(ctx context.Context, name string, f func(context.Context)) {
	labels := pprof.Labels(stageKey, name)
	stack := callers()
	if !slices.ContainsFunc(stack, isLabelled) && rootOf(stack) != coroutine { // the first stage of this goroutine
		began, _ := pprof.Label(ctx, stageKey)
		labels = pprof.Labels(stageKey, name, beganKey, began, rootKey, rootOf(stack))
	}
	pprof.Do(ctx, labels, f)
}

// callers returns the functions that called the caller of callers.
func callers() (functions []string) {
	const most, skip = 1000, 3 // runtime.Callers, callers and its caller
	addresses := make([]uintptr, most)
	addresses = addresses[:runtime.Callers(skip, addresses)]
	for frames := runtime.CallersFrames(addresses); ; {
		frame, more := frames.Next()
		functions = append(functions, frame.Function)
		if !more {
			return functions
		}
	}
}

// Chunks is [Stage] for a source that can lend its chunks.
func Chunks(name string, src stream.Source[[]byte]) stream.Source[[]byte] {
	return chunks{stage[[]byte]{name, src}}
}

type chunks struct{ stage[[]byte] }

// WriteTo implements [stream.Lender].
func (s chunks) WriteTo(ctx context.Context, w io.Writer) (err error) {
	labelled(ctx, s.name, func(ctx context.Context) {
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
		samples, err := running()
		if err != nil {
			continue
		}
		now := counts{}
		for _, s := range samples {
			k := s.kind()
			if rootOf(s.stack) == coroutine && k.root != coroutine {
				continue // a part of another goroutine
			}
			now[k] += int(s.value)
		}
		for k, n := range now {
			most[k] = max(most[k], n)
		}
	}
}

// running returns a profile of the goroutines.
func running() ([]sample, error) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 0); err != nil {
		return nil, err
	}
	return parse(&profile)
}
