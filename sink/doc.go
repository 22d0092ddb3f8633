// Package sink has the sinks that need no server: slices, functions, folds, writers and files.
package sink
