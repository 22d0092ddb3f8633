package stream

import (
	"context"
	"runtime"
)

type parallelismKey struct{}

// WithParallelism returns a context that gives n goroutines to each stage that compresses,
// decompresses, or converts between BSON and Extended JSON. The option Parallelism of a stage takes
// precedence. n = 0 means as many as [runtime.GOMAXPROCS] reports. A negative n is an error of the
// run. Without it these stages are fused.
//
//	ctx = stream.WithParallelism(ctx, 0) // all cores, for every run in ctx
//
// The order is kept. Each comment of such a stage says how its memory grows with n. The stages that
// wait for a server have their own defaults.
func WithParallelism(ctx context.Context, n int) context.Context {
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return context.WithValue(ctx, parallelismKey{}, n)
}

// Parallelism returns the number of goroutines of a stage with an option of that name: the option,
// or the number of [WithParallelism] if the option is 0. An option of -1 means 0, a fused stage, in
// every context. Any other negative number, of the option or of the context, is an error of class
// Fatal.
func Parallelism(ctx context.Context, option int) (int, error) {
	n := option
	if n == 0 {
		n, _ = ctx.Value(parallelismKey{}).(int)
	}
	switch {
	case option == -1:
		return 0, nil
	case n < 0 || n > mostAhead:
		return 0, invalidError("Parallelism: %d goroutines; it must be 1 to %d", n, mostAhead)
	}
	return n, nil
}
