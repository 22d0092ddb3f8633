package deflate

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"testing"
)

// The tables of RFC 1951 section 3.2.5: the first length and distance of each code.
var (
	firstLength = []int{
		3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
		163, 195, 227, 258, 259,
	}
	firstDistance = []int{
		1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
		4097, 6145, 8193, 12289, 16385, 24577, 32769,
	}
)

func TestSymbols(t *testing.T) {
	check := func(what string, y symbol, first []int, base, n int) {
		t.Helper()
		c := int(y%codes) - base
		if c < 0 || c+1 >= len(first) || n < first[c] || n >= first[c+1] || int(y>>extraShift) != n-first[c] {
			t.Errorf("%s %d: code %d, extra bits %d", what, n, c, y>>extraShift)
		} else if bits := int(extraBits[y%codes]); first[c+1]-first[c] > 1<<bits || base == 257 && n == maxMatch &&
			bits > 0 {
			t.Errorf("%s %d: %d extra bits", what, n, bits)
		}
	}
	for n := 3; n <= maxMatch; n++ {
		check("length", lengths[n], firstLength, 257, n)
	}
	for n := 1; n <= history; n++ {
		check("distance", distance(uint32(n-1)), firstDistance, distances, n)
	}
}

// weights is a min-heap.
type weights []int

func (w weights) Len() int           { return len(w) }
func (w weights) Less(i, j int) bool { return w[i] < w[j] }
func (w weights) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *weights) Push(x any)        { *w = append(*w, x.(int)) }
func (w *weights) Pop() any {
	n := len(*w) - 1
	x := (*w)[n]
	*w = (*w)[:n]
	return x
}

// best returns the size in bits of an optimal code without a length limit.
func best(freq []uint32) (size int) {
	var w weights
	for _, f := range freq {
		if f > 0 {
			heap.Push(&w, int(f))
		}
	}
	for len(w) > 1 {
		sum := heap.Pop(&w).(int) + heap.Pop(&w).(int)
		size += sum
		heap.Push(&w, sum)
	}
	return size
}

func TestCodeLengths(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	fibonacci := []uint32{1, 1}
	for len(fibonacci) < 23 {
		fibonacci = append(fibonacci, fibonacci[len(fibonacci)-1]+fibonacci[len(fibonacci)-2])
	}
	cases := [][]uint32{
		{0, 0},
		{0, 5},
		{1, 1},
		{1, 0, 3},
		{1, 1, 1},
		fibonacci,
		slices.Repeat([]uint32{1}, literalCodes),
	}
	for range 2000 {
		freq := make([]uint32, 1+r.IntN(literalCodes))
		for i := range freq {
			freq[i] = uint32(r.ExpFloat64()*float64(int(1)<<r.IntN(12))) * r.Uint32N(2)
		}
		cases = append(cases, freq)
	}
	for _, freq := range cases {
		for _, limit := range []int{maxBits, 9} {
			lens := make([]uint8, len(freq))
			codeLengths(freq, lens, limit)
			used, taken, size, longest := 0, 0, 0, 0
			for i, n := range lens {
				if (freq[i] > 0) != (n > 0) || int(n) > limit {
					t.Fatalf("limit %d, %v: lengths %v", limit, freq, lens)
				}
				for k, m := range lens {
					if freq[k] > freq[i] && freq[i] > 0 && m > n {
						t.Fatalf("limit %d, %v: lengths %v: what occurs more has the longer code", limit, freq, lens)
					}
				}
				if n > 0 {
					used++
					taken += 1 << (limit - int(n))
				}
				size += int(freq[i]) * int(n)
				longest = max(longest, int(n))
			}
			switch want := best(freq); {
			case used < 2:
				if longest != used {
					t.Fatalf("%v: lengths %v", freq, lens)
				}
			case taken != 1<<limit:
				t.Fatalf("limit %d, %v: lengths %v: %d of %d taken", limit, freq, lens, taken, 1<<limit)
			case longest < limit && size != want, size < want, limit == maxBits && size > want+want/50:
				t.Fatalf("limit %d, %v: lengths %v: %d bits, the best %d", limit, freq, lens, size, want)
			}
		}
	}
}
