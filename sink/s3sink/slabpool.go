package s3sink

import (
	"context"
	"sync"

	"github.com/millweir/millweir/stream"
)

// slabPool is the memory of the parts of one upload. Each sender gives the slabs of a part back
// before it takes the next part. So there are slabs for at most Parallelism+1 parts.
//
// With a budget, the slabs of a sent part belong to the budget again, and to any upload of the
// process. Without one they serve the next parts of the same upload.
type slabPool struct {
	account *stream.Account // nil without a budget

	mu   sync.Mutex
	free map[int][][]byte // by capacity
}

// shared holds slabs of maxSlab bytes for the uploads that share a budget.
var shared sync.Pool // of *[]byte

// get returns a slab with a capacity of size bytes, or nil if the budget does not have them now.
func (p *slabPool) get(size int) []byte {
	if !p.account.TryAcquire(int64(size)) {
		return nil
	}
	return p.allocate(size)
}

// await returns a slab with a capacity of size bytes. It waits until the budget has them, or the
// senders have given back enough.
func (p *slabPool) await(ctx context.Context, size int) ([]byte, error) {
	if err := p.account.Acquire(ctx, int64(size)); err != nil {
		return nil, err
	}
	return p.allocate(size), nil
}

func (p *slabPool) allocate(size int) []byte {
	if p.account != nil {
		if size == maxSlab {
			if slab, ok := shared.Get().(*[]byte); ok {
				return *slab
			}
		}
		return make([]byte, 0, size)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if slab := p.take(size); slab != nil {
		return slab
	}
	return make([]byte, 0, size)
}

// take returns the largest free slab of at most size bytes, or nil. The slabs of the first part
// have odd sizes, and fit together into another part.
func (p *slabPool) take(size int) []byte {
	best := 0
	for have, slabs := range p.free {
		if have <= size && have > best && len(slabs) > 0 {
			best = have
		}
	}
	if best == 0 {
		return nil
	}
	free := p.free[best]
	slab := free[len(free)-1]
	free[len(free)-1] = nil
	p.free[best] = free[:len(free)-1]
	return slab
}

// put takes the slabs of a part back.
func (p *slabPool) put(s slabs) {
	if p.account != nil {
		p.release(s)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == nil {
		p.free = map[int][][]byte{}
	}
	for _, slab := range s.full {
		p.free[cap(slab)] = append(p.free[cap(slab)], slab[:0])
	}
}

func (p *slabPool) release(s slabs) {
	for _, slab := range s.full {
		size := cap(slab)
		if empty := slab[:0]; size == maxSlab {
			shared.Put(&empty)
		}
		p.account.Release(int64(size))
	}
}
