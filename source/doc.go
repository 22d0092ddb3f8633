// Package source has the sources that need no server: values, iterators, readers and files.
package source
