package bsoncodec

import (
	"fmt"
	"math"

	"github.com/millweir/millweir/stream"
)

const (
	defaultDepth = 200             // the limit of MongoDB's servers
	defaultSize  = 16<<20 + 16<<10 // bytes of a document: the limit of MongoDB's servers, and their internal overhead
	defaultLine  = 128 << 20       // bytes of a line: more than any document of 16 MiB takes
	defaultChunk = 64 << 10        // bytes of a chunk
	maxDocument  = math.MaxInt32   // bytes of a document: BSON's lengths are int32
	maxLine      = math.MaxInt32   // bytes of a line
	maxDepth     = 10_000          // levels, within the limits of a goroutine's stack
	maxChunk     = 1 << 30         // bytes of a chunk
	maxNumber    = 8 << 10         // characters of a number: a Decimal128 in plain digits has 6,213
)

// checkDepth sets the default of MaxDepth, or returns an error.
func checkDepth(n *int) error { return checkRange("MaxDepth", n, defaultDepth, maxDepth) }

// checkLine sets the default of MaxLine, or returns an error.
func checkLine(n *int) error { return checkRange("MaxLine", n, defaultLine, maxLine) }

// checkSize sets the default of MaxDocument, or returns an error.
func checkSize(n *int) error { return checkRange("MaxDocument", n, defaultSize, maxDocument) }

// checkRange sets *n to its default if it is 0. It returns an error if *n is not in 1 to most.
func checkRange(name string, n *int, otherwise, most int) error {
	if *n == 0 {
		*n = otherwise
	}
	if *n < 1 || *n > most {
		return stream.Mark(fmt.Errorf("bsoncodec: %s is %d, not in 1 to %d", name, *n, most), stream.Fatal)
	}
	return nil
}
