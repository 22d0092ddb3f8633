package codec

import (
	"context"
	"errors"
	"fmt"

	"github.com/millweir/millweir/internal/lend"
	"github.com/millweir/millweir/stream"
)

// bytesFlow is the type of most flows of this package.
type bytesFlow = stream.Flow[[]byte, []byte]

// levels are the levels of a compressor, from 1.
type levels struct {
	def int // the meaning of 0
	max int
}

var (
	deflateLevels = levels{def: 5, max: maxDeflateLevel}
	zstdLevels    = levels{def: 3, max: 22}
	s2Levels      = levels{def: 1, max: 3}
)

var errLevel = errors.New("the level is out of range")

// level returns the level of an option.
func (l levels) level(option int) (int, error) {
	switch {
	case option == 0:
		return l.def, nil
	case option < 1 || option > l.max:
		return 0, fmt.Errorf("%w: %d is not 1 to %d", errLevel, option, l.max)
	}
	return option, nil
}

// packer makes the flow of a compressor from its options.
type packer struct {
	name     string
	levels   levels
	fused    func(level int) bytesFlow
	parallel func(level int, w workers) bytesFlow // with at least 1 goroutine
}

func (p packer) flow(level, parallelism int) bytesFlow {
	l, err := p.levels.level(level)
	if err != nil {
		return failing[[]byte, []byte](wrap(p.name, err))
	}
	fused := p.fused(l)
	return byParallelism(p.name, parallelism, func(w workers) bytesFlow {
		if w.n == 0 {
			return fused
		}
		return p.parallel(l, w)
	})
}

// byParallelism returns the flow that choose returns for the number of goroutines of each run,
// which the option or the context says.
func byParallelism(name string, option int, choose func(workers) bytesFlow) bytesFlow {
	return lend.Flow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error, lent bool) error {
		n, err := stream.Parallelism(ctx, option)
		if err != nil {
			return wrap(name, err)
		}
		out := choose(workers{n, option}).Apply(src)
		if lent {
			return stream.EachLent(ctx, out, emit)
		}
		return out.Each(ctx, emit)
	})
}
