package s3sink

import "sync"

// slabPool keeps the slabs of sent parts for the next parts. Each sender gives the slabs of a part
// back before it takes the next part. So there are slabs for at most Parallelism+1 parts.
type slabPool struct {
	mu   sync.Mutex
	free map[int][][]byte // by capacity
}

// get returns a slab with a capacity of size bytes.
func (p *slabPool) get(size int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	free := p.free[size]
	if len(free) == 0 {
		return make([]byte, 0, size)
	}
	slab := free[len(free)-1]
	free[len(free)-1] = nil
	p.free[size] = free[:len(free)-1]
	return slab
}

// put takes the slabs of a part back.
func (p *slabPool) put(s slabs) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == nil {
		p.free = map[int][][]byte{}
	}
	for _, slab := range s.full {
		p.free[cap(slab)] = append(p.free[cap(slab)], slab[:0])
	}
}
