package codec

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millweir/millweir/stream"
)

// maxUnit is how large a member or frame may be, packed or unpacked, to be unpacked as a whole. Larger ones are streamed.
const maxUnit = 16 << 20

var errParallelism = errors.New("the parallelism is negative")

// checkParallelism checks the option of that name.
func checkParallelism(n int) error {
	if n < 0 {
		return fmt.Errorf("%w: %d", errParallelism, n)
	}
	return nil
}

// unit is a part of a compressed stream on its way through the workers: a member or frame that is still packed, or a chunk that
// the cutter unpacked itself.
type unit struct {
	packed []byte // nil once unpacked
	plain  []byte
	size   int   // of the unpacked bytes
	in     int64 // packed bytes read so far
}

// unpacking returns a flow that cuts its input into units and unpacks them in order: by n goroutines or, when n is less than 2, by none.
func unpacking(name string, max bounds, n int, cut func(*input, func(unit) error) error, unpack func(unit) ([]byte, error)) stream.Flow[[]byte, []byte] {
	cutter := stream.FlowFunc[[]byte, unit](func(src stream.Source[[]byte]) stream.Source[unit] {
		return stream.SourceFunc[unit](func(ctx context.Context, emit func(unit) error) error {
			return pulling(ctx, name, src, func(in *input) error {
				return cut(in, func(u unit) error {
					u.in = in.n
					return emit(u)
				})
			})
		})
	})
	work := func(u unit) (unit, error) {
		if u.packed == nil {
			return u, nil
		}
		plain, err := unpack(u)
		if err != nil {
			return unit{}, wrap(name, err)
		}
		return unit{plain: plain, in: u.in}, nil
	}
	checker := stream.FlowFunc[unit, []byte](func(src stream.Source[unit]) stream.Source[[]byte] {
		return stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			var total int64
			return guard(ctx, src, func(u unit) error {
				// One chunk of the upstream can become many here.
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if n < 2 {
					var err error
					if u, err = work(u); err != nil {
						return err
					}
				}
				total += int64(len(u.plain))
				if err := max.check(total, u.in); err != nil {
					return wrap(name, err)
				}
				if len(u.plain) == 0 {
					return nil
				}
				return emit(u.plain)
			})
		})
	})
	if n < 2 {
		return stream.Join(cutter, checker)
	}
	workers := stream.MapN(n, func(_ context.Context, u unit) (unit, error) { return work(u) })
	return stream.Join(stream.Join(cutter, workers), checker)
}

// readUnits emits what d reads as units that are unpacked already.
func readUnits(in *input, d io.Reader, emit func(unit) error) error {
	for idle := 0; ; {
		p := make([]byte, chunkSize)
		n, err := d.Read(p)
		if n > 0 {
			idle = 0
			if err := emit(unit{plain: p[:n:n]}); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF: //nolint:errorlint // the decoders here return io.EOF itself
			return nil
		case err != nil:
			return in.fail(err)
		case n == 0:
			if idle++; idle == maxIdle {
				return in.fail(io.ErrNoProgress)
			}
		}
	}
}
