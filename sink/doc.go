// Package sink has the sinks that need no server: slices, folds, functions, channels, writers and files.
//
// What a function of the caller returns as an error ends the run as it is; when the run was cancelled meanwhile, the cause of
// that comes first. A sink starts no goroutine unless it says so, and holds one element at most unless it says so. The result
// beside an error is zero where nothing else is said.
package sink
