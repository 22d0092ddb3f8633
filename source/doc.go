// Package source provides sources that need no server: values, sequences, channels, functions,
// clocks, queues, readers and files.
//
// An error of a caller's function ends the run and is returned unwrapped. If the run was cancelled
// first, the error is the cause of the cancellation, joined with what the function's error adds to
// it. Unless its comment says otherwise, a source ends between two elements when its run is drained
// ([stream.Running.Drain]), starts no goroutine, and holds at most one element.
package source
