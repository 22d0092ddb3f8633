// Package sink provides sinks that need no server: slices, folds, functions, channels, writers and
// files.
//
// An error of a caller's function ends the run and is returned unwrapped. If the run was cancelled
// first, the error is the cause of the cancellation, joined with what the function's error adds to
// it. Unless its comment says otherwise, a sink starts no goroutine, holds at most one element, and
// returns a zero result with an error.
package sink
