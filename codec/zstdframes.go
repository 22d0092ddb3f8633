package codec

import (
	"context"
	"errors"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/stream"
)

// frame is a packed frame.
type frame struct {
	packed []byte
	size   int // of its content
}

var errTooManyFrames = errors.New("the stream is longer than its table can tell: 128 TiB")

// zstdFrames returns the flow of Zstd with Parallelism.
func zstdFrames(level int, w workers) stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		enc, err := newZstdFrameEncoder(level, w.n)
		if err != nil {
			return wrap(zstdStage, err)
		}
		pack := stream.MapParallel(w.n, func(_ context.Context, b textBlock) (frame, error) {
			block := b.join()
			f := frame{enc.EncodeAll(block, make([]byte, 0, 64+len(block)/2)), len(block)}
			freeBlock(block)
			return f, nil
		})
		mem := w.openBlocks(ctx, zstdStage, zstdBlockMemory)
		defer mem.Close()
		t := newSeekTable()
		first := []byte(seekMark)
		add := func(f frame) error {
			if !t.add(len(f.packed), f.size, f.packed[len(f.packed)-4:]) {
				return wrap(zstdStage, errTooManyFrames)
			}
			if first != nil {
				f.packed = append(first, f.packed...)
				first = nil
			}
			return emit(f.packed)
		}
		err = guarded.Each(ctx, stream.Via2(src, w.lineBlocks(mem), pack), func(f frame) error {
			mem.release()
			return add(f)
		})
		if err == nil && first != nil {
			err = add(frame{packed: []byte(emptyFrame)})
		}
		if err != nil {
			return err
		}
		return emit(t.bytes())
	})
}
