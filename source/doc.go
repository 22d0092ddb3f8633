// Package source provides sources that need no server: values, sequences, channels, functions,
// clocks, queues, readers and files.
//
// An error of a caller's function ends the run, as it is. If the run was cancelled before that, the
// cause of the cancellation comes first. Unless its comment says otherwise, a source ends between
// two elements when its run is drained ([stream.Running.Drain]), starts no goroutine, and holds at
// most one element.
package source
