package codec

import (
	"context"
	"io"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/inflight"
	"github.com/millweir/millweir/stream"
)

// maxUnit is the largest member or frame, packed or unpacked, that is unpacked as a whole, in
// bytes. Larger ones are streamed.
const maxUnit = 16 << 20

// workerMemory is the memory of the units in flight for each worker, in bytes. Each worker may hold
// two units, and emit one, regardless of their size.
const workerMemory = 3 << 20

// unit is a part of a compressed stream that passes through the workers: a packed member or frame,
// or a chunk that the splitter unpacked itself. It is passed by pointer, so that its content can be
// dropped once it has been emitted.
type unit struct {
	packed []byte // nil after unpacking
	plain  []byte
	size   int   // of the unpacked bytes
	cost   int64 // largest memory use, in bytes
}

// unpackFlow returns a flow that splits its input into units and unpacks them in order: with fewer
// than 2 workers, without goroutines.
func unpackFlow(name string, max bounds, w workers, cut func(*input, func(*unit) error) error,
	unpack func(*unit) ([]byte, error),
) stream.Flow[[]byte, []byte] {
	work := func(u *unit) error {
		if u.packed == nil {
			return nil
		}
		plain, err := unpack(u)
		if err != nil {
			return malformed(name, err)
		}
		u.packed, u.plain = nil, plain
		return nil
	}
	unpacked := stream.MapParallel(w.n, func(_ context.Context, u *unit) (*unit, error) { return u, work(u) })
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		account := stream.OpenAccount(ctx, w.need(name, workerMemory, 1))
		defer account.Close()
		inFlight := inflight.New(2*w.n+1, int64(w.n)*workerMemory)
		var units stream.Source[*unit] = stream.SourceFunc[*unit](func(ctx context.Context,
			emit func(*unit) error,
		) error {
			var total int64
			return withInput(ctx, name, src, func(in *input) error {
				in.await()
				return cut(in, func(u *unit) error {
					// The header has the size, so a unit that exceeds a limit is refused before it
					// is unpacked.
					total += int64(u.size)
					if err := max.check(total, in.n); err != nil {
						return wrap(name, err)
					}
					u.cost = int64(len(u.packed) + u.size)
					if err := inFlight.Acquire(ctx, u.cost); err != nil {
						return err
					}
					if err := account.Acquire(ctx, u.cost); err != nil {
						return err
					}
					if w.n < 2 {
						if err := work(u); err != nil {
							return err
						}
					}
					return emit(u)
				})
			})
		})
		if w.n > 1 {
			units = stream.Via(units, unpacked)
		}
		return guarded.Each(ctx, units, func(u *unit) error {
			// One input chunk can yield many units.
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			plain := u.plain
			u.plain = nil
			account.Release(u.cost)
			if len(plain) > 0 {
				if err := emit(plain); err != nil {
					return err
				}
			}
			inFlight.Release(u.cost)
			return nil
		})
	})
}

// readUnits emits the output of d as units that are already unpacked.
func readUnits(in *input, d io.Reader, emit func(*unit) error) error {
	for idle := 0; ; {
		p := make([]byte, chunkSize)
		n, err := d.Read(p)
		if n > 0 {
			idle = 0
			if err := emit(&unit{plain: p[:n:n], size: n}); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF: //nolint:errorlint // the decoders here return io.EOF itself
			return nil
		case err != nil:
			return in.fail(err)
		case n == 0:
			if idle++; idle == maxEmptyReads {
				return in.fail(io.ErrNoProgress)
			}
		}
	}
}
