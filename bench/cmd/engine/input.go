package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// elements is the number of elements of a run in most cases: large enough to hide the start-up,
// small enough for the cache.
const elements = 100_000

// numbers is the input of most cases: 0, 1, 2 …
var numbers = func() []int {
	xs := make([]int, elements)
	for i := range xs {
		xs[i] = i
	}
	return xs
}()

// The functions of the stages. They are variables so that the compiler cannot inline them, not even
// in a handwritten loop.
var (
	addOne     = func(v int) int { return v + 1 }
	keep       = func(v int) bool { return v&3 != 0 }
	timesThree = func(v int) int { return v * 3 }
	add        = func(sum, v int) int { return sum + v }
)

func sum(xs []int) (total int64) {
	for _, v := range xs {
		total += int64(v)
	}
	return total
}

const (
	framingBytes = 64 << 20 // read by the framing cases
	chunkBytes   = 64 << 10 // per chunk
)

// makeJSONLines returns n bytes of JSON objects, each with a newline: small ones, nested ones of
// about 1.2 KB, and a few of about 12 KB, as in backups.
func makeJSONLines(n int) []byte {
	const patternBytes = 4 << 20 // the generated part, which is repeated
	r := rand.New(rand.NewPCG(1, 2))
	var pattern []byte
	for i := 0; len(pattern) < min(patternBytes, n); i++ {
		fields := 2
		switch k := r.IntN(10); {
		case k == 9:
			fields = 120
		case k >= 4:
			fields = 12
		}
		pattern = append(appendObject(pattern, r, i, fields), '\n')
	}
	all := bytes.Repeat(pattern, n/len(pattern)+1)[:n]
	end := bytes.LastIndexByte(all[:n-3], '\n') + 1 // the last object fills the rest
	copy(all[end:], "{"+strings.Repeat(" ", n-end-3)+"}\n")
	return all
}

// appendObject appends one JSON object without a newline.
func appendObject(p []byte, r *rand.Rand, id, fields int) []byte {
	p = fmt.Appendf(p, `{"_id":{"$oid":"%024x"},"at":{"$date":{"$numberLong":"%d"}}`, id,
		1_700_000_000_000+r.Int64N(1e9))
	for f := range fields {
		p = fmt.Appendf(p, `,"field%d":{"name":"a \"quoted\" text of %d","count":{"$numberInt":"%d"},"on":true}`, f,
			r.Int64(), r.IntN(1000))
	}
	return append(p, '}')
}
