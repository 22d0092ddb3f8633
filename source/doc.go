// Package source has the sources that need no server: values, sequences, channels, functions, clocks, queues, readers and files.
//
// What a function of the caller returns as an error ends the run as it is; when the run was cancelled meanwhile, the cause of
// that comes first. A drain of the run ([stream.Running.Drain]) ends a source between two elements, unless it says that it does
// not. A source starts no goroutine unless it says so, and holds one element at most unless it says so.
package source
