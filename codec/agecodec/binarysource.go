package agecodec

import (
	"context"
	"fmt"

	"github.com/millweir/millweir/stream"
)

// unarmored is one run of src as a binary file, whether src is armored or not.
type binarySource struct {
	stage   string // of the stage, for its errors
	src     stream.Source[[]byte]
	armored bool // it must be; or, once the first byte was there, it is
	started bool
	decoder armorDecoder
}

// Each implements [stream.Source].
func (b *binarySource) Each(ctx context.Context, emit func([]byte) error) error {
	var failed error
	err := b.src.Each(ctx, func(p []byte) error {
		if failed == nil {
			failed = b.push(p, emit)
		}
		return failed
	})
	if err == nil {
		err = failed
	}
	if err == nil && b.armored {
		if err = b.decoder.finish(); err != nil {
			err = fmt.Errorf("%s: %w", b.stage, err)
		}
	}
	return err
}

// push emits what the next bytes of the file are in its binary form. A binary file does not begin with a hyphen or white space.
func (b *binarySource) push(p []byte, emit func([]byte) error) error {
	if !b.started && len(p) > 0 {
		b.started = true
		b.armored = b.armored || p[0] == '-' || isSpace(p[0])
	}
	if !b.armored {
		return emit(p)
	}
	p, err := b.decoder.push(p)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", b.stage, err)
	case len(p) == 0:
		return nil
	}
	return emit(p)
}
