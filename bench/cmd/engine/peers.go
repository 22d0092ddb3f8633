package main

import (
	"context"

	"github.com/destel/rill"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
	"github.com/reugn/go-streams"
	"github.com/reugn/go-streams/extension"
	"github.com/samber/ro"
)

// ahead is the length of the buffers between goroutines, the same for every competitor.
const ahead = 64

var background = context.Background()

// ourSum runs src into the sum of its elements.
func ourSum(src stream.Source[int]) (int64, error) {
	total, err := stream.Run(background, src, sink.Fold(0, add))
	return int64(total), err
}

// roSum subscribes to an observable and waits for the sum of its elements.
func roSum(from ro.Observable[int]) (int64, error) {
	var total int
	var failed error
	done := make(chan struct{})
	from.Subscribe(ro.NewObserver(
		func(v int) { total = add(total, v) },
		func(err error) { failed = err; close(done) },
		func() { close(done) },
	))
	<-done
	return int64(total), failed
}

// roOnGoroutine returns an observable that runs on its own goroutine, which merging concurrent
// observables requires.
func roOnGoroutine(xs []int) ro.Observable[int] {
	return ro.NewUnsafeObservable(func(o ro.Observer[int]) ro.Teardown {
		go func() {
			for _, v := range xs {
				o.Next(v)
			}
			o.Complete()
		}()
		return nil
	})
}

// rillSum returns the sum of a stream of rill.
func rillSum(from <-chan rill.Try[int]) (int64, error) {
	var total int
	err := rill.ForEach(from, 1, func(v int) error {
		total = add(total, v)
		return nil
	})
	return int64(total), err
}

// goStreamsFrom returns a source of go-streams: its in-memory one is a channel.
func goStreamsFrom[T any](xs []T) streams.Source {
	in := make(chan any, ahead)
	go func() {
		for _, v := range xs {
			in <- v
		}
		close(in)
	}()
	return extension.NewChanSource(in)
}

// goStreamsSum returns the sum of the output. The library's Fold emits every intermediate sum and
// would cost more.
func goStreamsSum(from streams.Outlet) (int64, error) {
	var total int
	for v := range from.Out() {
		total = add(total, v.(int))
	}
	return int64(total), nil
}

// send returns a channel with the elements of xs.
func send(xs []int) <-chan int {
	out := make(chan int, ahead)
	go func() {
		defer close(out)
		for _, v := range xs {
			out <- v
		}
	}()
	return out
}

// receive returns the sum of the elements of a channel.
func receive(in <-chan int) (int64, error) {
	var total int
	for v := range in {
		total = add(total, v)
	}
	return int64(total), nil
}

// stage returns a channel with f of every element of in: a stage of a pipeline of channels.
func stage(in <-chan int, f func(int) int) <-chan int {
	out := make(chan int, ahead)
	go func() {
		defer close(out)
		for v := range in {
			out <- f(v)
		}
	}()
	return out
}
