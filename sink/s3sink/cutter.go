package s3sink

import (
	"context"
	"fmt"
)

// cutter cuts a stream into parts. It belongs to the caller's goroutine. Its pool is shared with
// the senders.
type cutter struct {
	*settings
	pool slabPool

	part  part  // the part being filled
	count int   // parts taken
	total int64 // bytes, including those of part

	stored []int64 // the sizes of the parts that a resumed upload has
}

// size returns the size of part n, from 1.
func (c *cutter) size(n int) int {
	if n <= len(c.stored) {
		return int(c.stored[n-1])
	}
	return c.sizes.size(n)
}

// part is a part on its way to the service.
type part struct {
	n         int // from 1
	body      slabs
	algorithm *algorithm // of sum; nil if sum is not computed yet
	sum       []byte
}

// addChecksum computes the checksum of the part, unless the part has it.
func (p *part) addChecksum(a *algorithm) {
	if p.algorithm != a {
		p.algorithm, p.sum = a, a.of(&p.body)
	}
}

// write adds p to the parts. It calls full for each part that is full. full takes the part by
// [cutter.take]. The first part is full only if more bytes follow, because a stream of one part is
// stored by one PutObject.
func (c *cutter) write(ctx context.Context, p []byte, full func() error) error {
	if limit := c.opts.MaxSize; limit > 0 && int64(len(p)) > limit-c.total {
		return ErrTooLarge
	}
	for len(p) > 0 {
		size := c.size(c.count + 1)
		if c.part.body.size == size {
			if err := full(); err != nil {
				return err
			}
			continue
		}
		if len(c.part.body.room()) == 0 {
			if c.count == c.sizes.parts {
				return c.tooLarge()
			}
			slab, err := c.slab(ctx, size)
			if err != nil {
				return err
			}
			if slab == nil { // no memory for a larger part: send what there is
				if err := full(); err != nil {
					return err
				}
				continue
			}
			c.part.body.add(slab)
		}
		n := c.part.body.fill(p)
		c.total += int64(n)
		p = p[n:]
		if c.part.body.size == size && c.count > 0 {
			if err := full(); err != nil {
				return err
			}
		}
	}
	return nil
}

// tooLarge returns the error of a stream that exceeds the parts.
func (c *cutter) tooLarge() error {
	if all, _ := c.sizes.capacity(0); c.total < all {
		return fmt.Errorf("%w: the budget had no memory for larger parts; MaxSize or ExpectedSize reserves it",
			ErrTooLarge)
	}
	return ErrTooLarge
}

// slab returns the next slab of the part being filled, which may have size bytes. It returns nil if
// the budget has no memory for more than a part of the reserved size, which the part already has.
// Then the part is sent: waiting for memory while the part holds more than the upload's minimum might
// never end.
func (c *cutter) slab(ctx context.Context, size int) ([]byte, error) {
	body := &c.part.body
	base := min(size, int(c.reserved))
	if body.size >= base {
		return c.pool.get(body.nextSlab(c.count+1, size)), nil
	}
	next := body.nextSlab(c.count+1, base)
	if slab := c.pool.get(next); slab != nil {
		return slab, nil
	}
	return c.pool.await(ctx, next)
}

// take returns the part being filled, and begins the next one.
func (c *cutter) take() part {
	p := c.part
	c.count++
	p.n = c.count
	c.part = part{}
	return p
}
