package agecodec

import (
	"context"
	"fmt"

	"filippo.io/age"

	"github.com/millweir/millweir/internal/early"
	"github.com/millweir/millweir/stream"
)

// opener reads the header of a file with the identities, and passes on the payload.
type opener struct {
	stage      string // the name of the stage, for errors
	identities []age.Identity
	// begin is called after the header is read. It must not keep fileKey.
	begin func(ctx context.Context, fileKey, nonce []byte, p *payload) error
	// consume takes the next bytes of the payload.
	consume func(p []byte) error

	head    headerCutter
	fileKey []byte // nil until the header is complete
	nonce   []byte
	payload *payload // nil until the nonce is complete
}

// run reads src to its end. src may be armored.
func (o *opener) run(ctx context.Context, src stream.Source[[]byte]) error {
	defer func() { clear(o.fileKey) }()
	var failed error
	file := &binarySource{stage: o.stage, src: src}
	err := file.Each(early.Detached(ctx), func(p []byte) error {
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
		return o.wrap(o.head.finish())
	case o.payload == nil:
		return o.wrap(ErrTruncated)
	}
	return nil
}

// wrap adds the name of the stage to an error.
func (o *opener) wrap(err error) error { return fmt.Errorf("%s: %w", o.stage, err) }

// wrapUnlessCanceled works as wrap, but returns the cause of ctx unchanged if ctx is done.
func (o *opener) wrapUnlessCanceled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return o.wrap(err)
}

// push adds the next bytes of the file.
func (o *opener) push(ctx context.Context, p []byte) error {
	if o.payload != nil {
		return o.consume(p)
	}
	if o.fileKey == nil {
		head, rest, err := o.head.push(p)
		if err != nil {
			return o.wrap(err)
		}
		if head == nil {
			return nil
		}
		if o.fileKey, err = openHeader(ctx, head, o.identities); err != nil {
			return o.wrapUnlessCanceled(ctx, err)
		}
		o.head = headerCutter{}
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
		return o.wrap(err)
	}
	o.payload = pl
	err = o.begin(ctx, o.fileKey, o.nonce, pl)
	clear(o.fileKey)
	if err != nil || len(p) == 0 {
		return err
	}
	return o.consume(p)
}
