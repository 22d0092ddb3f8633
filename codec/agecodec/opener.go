package agecodec

import (
	"context"
	"fmt"

	"filippo.io/age"

	"github.com/millweir/millweir/stream"
)

// opener reads the header of a file with the identities, and hands on what follows.
type opener struct {
	name       string // of the stage, for its errors
	identities []age.Identity
	opened     func(ctx context.Context, fileKey, nonce []byte, p *payload) error // the header was read; the key is not to be kept
	rest       func(p []byte) error                                               // the payload's next bytes

	head    headCutter
	fileKey []byte // nil until the header is complete
	nonce   []byte
	payload *payload // nil until the nonce is complete
}

// run reads src, armored or not, to its end.
func (o *opener) run(ctx context.Context, src stream.Source[[]byte]) error {
	defer func() { clear(o.fileKey) }()
	var failed error
	file := &unarmored{name: o.name, src: src}
	err := file.Each(ctx, func(p []byte) error {
		if failed == nil {
			failed = o.push(ctx, p)
		}
		return failed
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	case o.fileKey == nil:
		return o.fail(o.head.end())
	case o.payload == nil:
		return o.fail(ErrTruncated)
	}
	return nil
}

// fail gives an error of the stage its name.
func (o *opener) fail(err error) error { return fmt.Errorf("%s: %w", o.name, err) }

// failUnlessDone gives an error its name, but returns the cause of a context that is done as it is.
func (o *opener) failUnlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return o.fail(err)
}

// push takes the next bytes of the file.
func (o *opener) push(ctx context.Context, p []byte) error {
	if o.payload != nil {
		return o.rest(p)
	}
	if o.fileKey == nil {
		head, rest, err := o.head.push(p)
		if err != nil {
			return o.fail(err)
		}
		if head == nil {
			return nil
		}
		if o.fileKey, err = openHeader(ctx, head, o.identities); err != nil {
			return o.failUnlessDone(ctx, err)
		}
		o.head = headCutter{}
		p = rest
	}
	k := min(nonceSize-len(o.nonce), len(p))
	o.nonce = append(o.nonce, p[:k]...)
	p = p[k:]
	if len(o.nonce) < nonceSize {
		return nil
	}
	pl, err := newPayload(o.fileKey, o.nonce)
	if err != nil {
		return o.fail(err)
	}
	o.payload = pl
	err = o.opened(ctx, o.fileKey, o.nonce, pl)
	clear(o.fileKey)
	if err != nil || len(p) == 0 {
		return err
	}
	return o.rest(p)
}
