package s3sink

import (
	"bytes"
	"testing"
	"testing/iotest"
)

// TestSlabs fills parts of several sizes, and reads them as the SDK and net/http do.
func TestSlabs(t *testing.T) {
	for _, size := range []int{1, minSlab - 1, minSlab, minSlab + 1, 5 * minSlab, maxSlab, 3*maxSlab + 7} {
		for n := 1; n <= 2; n++ {
			data := make([]byte, size)
			for i := range data {
				data[i] = byte(i % 251)
			}
			var s slabs
			room := 0
			for rest := data; len(rest) > 0; {
				if len(s.room()) == 0 {
					slab := s.nextSlab(n, size)
					room += slab
					s.add(make([]byte, 0, slab))
				}
				rest = rest[s.fill(rest):]
			}
			if s.size != size || room != size {
				t.Errorf("%d bytes: the size is %d, the memory %d", size, s.size, room)
			}
			if err := iotest.TestReader(s.reader(), data); err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
	}
	var short slabs
	if got := short.nextSlab(1, 8<<20); got != minSlab {
		t.Errorf("the first slab has %d bytes", got)
	}
	if _, err := short.reader().Seek(-1, 0); err == nil {
		t.Error("a negative position is accepted")
	}
}

// TestSlabPool: the slabs of a sent part serve the next part.
func TestSlabPool(t *testing.T) {
	var pool slabPool
	var s slabs
	s.add(pool.get(maxSlab))
	s.fill([]byte("data"))
	pool.put(s)
	if got := pool.get(maxSlab); len(got) != 0 || cap(got) != maxSlab || !bytes.Equal(got[:4], []byte("data")) {
		t.Errorf("a slab of %d bytes and a capacity of %d", len(got), cap(got))
	}
	if slab, err := pool.await(t.Context(), 9); err != nil || cap(slab) < 9 {
		t.Errorf("a slab with a capacity of %d, %v", cap(slab), err)
	}
	if got := pool.get(7); cap(got) < 7 {
		t.Errorf("a slab with a capacity of %d", cap(got))
	}
}

// TestSlabPoolOddSizes: the slabs of the first part are all the memory of the parts that follow it.
func TestSlabPoolOddSizes(t *testing.T) {
	const size = 8 << 20
	var pool slabPool
	memory := map[*byte]bool{}
	for n := 1; n <= 3; n++ {
		var s slabs
		for s.size < size {
			slab := pool.get(s.nextSlab(n, size))
			s.add(slab)
			s.fill(make([]byte, cap(slab)))
			if first := &s.full[len(s.full)-1][0]; n == 1 {
				memory[first] = true
			} else if !memory[first] {
				t.Errorf("part %d has a slab of %d bytes that part 1 did not have", n, cap(slab))
			}
		}
		if s.size != size {
			t.Errorf("part %d has %d bytes", n, s.size)
		}
		pool.put(s)
	}
}
