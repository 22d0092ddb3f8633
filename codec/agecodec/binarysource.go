package agecodec

import (
	"context"
	"fmt"

	"github.com/millweir/millweir/internal/early"
	"github.com/millweir/millweir/stream"
)

// binarySource emits the binary form of a file that may be armored.
type binarySource struct {
	stage   string // the name of the stage, for errors
	src     stream.Source[[]byte]
	armored bool // set by the caller if the file must be armored; otherwise detected from the first byte
	started bool
	decoder armorDecoder
}

// Each implements [stream.Source].
func (b *binarySource) Each(ctx context.Context, emit func([]byte) error) error {
	var failed error
	err := b.src.Each(early.Detached(ctx), func(p []byte) error {
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

// push emits the binary form of the next bytes. The first byte decides if the file is armored: a
// hyphen or white space cannot begin a binary file.
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
