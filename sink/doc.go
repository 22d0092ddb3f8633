// Package sink provides sinks that need no server: slices, folds, functions, channels, writers and
// files.
//
// An error of a caller's function ends the run, as it is. If the run was cancelled before that, the
// cause of the cancellation comes first. Unless its comment says otherwise, a sink starts no
// goroutine, holds at most one element, and returns a zero result with an error.
package sink
