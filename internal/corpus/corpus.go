// Package corpus generates the documents for the benchmarks: cookies, events, big articles, and a
// mix of them, in the sizes that docs/performance.md names.
//
// The same seed gives the same documents.
package corpus

import (
	"math/rand/v2"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Corpus generates documents. It must not be used by two goroutines at once.
type Corpus struct {
	r *rand.Rand
	n uint32 // identifiers generated so far
}

// New returns a corpus for seed.
func New(seed uint64) *Corpus {
	return &Corpus{r: rand.New(rand.NewPCG(seed, 0x6d696c6c77656972))}
}

// Docs returns n documents of one shape, as in Docs(1000, c.Event).
func Docs(n int, shape func() bson.Raw) []bson.Raw {
	docs := make([]bson.Raw, n)
	for i := range docs {
		docs[i] = shape()
	}
	return docs
}

// Mix returns a cookie, an event or a big document, in the ratio 40 to 50 to 10. The average size
// is 1.4 KB.
func (c *Corpus) Mix() bson.Raw {
	switch n := c.r.IntN(100); {
	case n < 40:
		return c.Cookie()
	case n < 90:
		return c.Event()
	}
	return c.Big()
}
