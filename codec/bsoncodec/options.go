package bsoncodec

import (
	"fmt"
	"math"

	"github.com/millweir/millweir/stream"
)

const (
	defaultDepth = 200             // as MongoDB's servers allow
	defaultSize  = 16<<20 + 16<<10 // bytes of a document: the servers' limit and what they add inside
	defaultLine  = 128 << 20       // bytes of a line: more than the longest that a document of 16 MiB can become
	defaultChunk = 64 << 10        // bytes of a chunk
	maxDocument  = math.MaxInt32   // bytes that BSON's lengths can tell
	maxLine      = math.MaxInt32   // bytes of a line
	maxDepth     = 10_000          // levels that a stack bears without a thought
	maxChunk     = 1 << 30         // bytes of a chunk
	maxNumber    = 8 << 10         // characters of a number: a Decimal128 in plain digits has 6,213, a double 1,077 behind the point
)

// depthOption completes MaxDepth, or says what is wrong with it.
func checkDepth(n *int) error { return checkRange("MaxDepth", n, defaultDepth, maxDepth) }

// lineOption completes MaxLine, or says what is wrong with it.
func checkLine(n *int) error { return checkRange("MaxLine", n, defaultLine, maxLine) }

// sizeOption completes MaxDocument, or says what is wrong with it.
func checkSize(n *int) error { return checkRange("MaxDocument", n, defaultSize, maxDocument) }

// option gives *n its default when it is 0, and refuses it when it is not in 1 to most.
func checkRange(name string, n *int, otherwise, most int) error {
	if *n == 0 {
		*n = otherwise
	}
	if *n < 1 || *n > most {
		return stream.Mark(fmt.Errorf("bsoncodec: %s is %d, not in 1 to %d", name, *n, most), stream.Fatal)
	}
	return nil
}
