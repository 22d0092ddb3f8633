package stream_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// joints are flows of two runs joined by a hub or a pipe. The consumer of a hub is not drained: it
// completes when the drained producers have completed.
func joints() []operator {
	return []operator{
		{"Pipe", func(_ *builder, in model, _ int) (numberFlow, model, string) {
			return stream.FlowFunc[uint64, uint64](piped), in, ""
		}},
		{"MergeHub", func(_ *builder, in model, _ int) (numberFlow, model, string) {
			return stream.FlowFunc[uint64, uint64](func(src numberSource) numberSource { return mergedByHub(src) }),
				in, ""
		}},
		hubOf("BroadcastHub", func(n int) *stream.Hub[uint64] { return stream.NewBroadcastHub[uint64](n) }),
		hubOf("PartitionHub", func(n int) *stream.Hub[uint64] {
			return stream.NewPartitionHub(n, func(consumers int, v uint64) int { return int(v % uint64(consumers)) })
		}),
	}
}

// piped sends the elements through an io.Pipe, as eight bytes each.
func piped(src numberSource) numberSource {
	encode := stream.Map(func(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) })
	decode := stream.FlatMapState(func() []byte { return nil },
		func(rest *[]byte, p []byte, emit func(uint64) error) error {
			*rest = append(*rest, p...)
			for len(*rest) >= 8 {
				v := binary.LittleEndian.Uint64(*rest)
				*rest = (*rest)[8:]
				if err := emit(v); err != nil {
					return err
				}
			}
			return nil
		}, nil)
	return stream.SourceFunc[uint64](func(ctx context.Context, emit func(uint64) error) error {
		g, ctx := stream.NewGroup(ctx)
		pr, pw := io.Pipe()
		defer context.AfterFunc(ctx, func() { _ = pr.CloseWithError(context.Cause(ctx)) })()
		g.Go(func() error {
			_, err := stream.Run(ctx, stream.Via(src, encode), sink.Writer(pw))
			_ = pw.CloseWithError(err)
			return err
		})
		return g.Do(func() error {
			defer pr.Close()
			return stream.Via(source.Reader(pr), decode).Each(ctx, emit)
		})
	})
}

// mergedByHub runs all srcs into a hub.
func mergedByHub(srcs ...numberSource) numberSource {
	return stream.SourceFunc[uint64](func(ctx context.Context, emit func(uint64) error) error {
		hub := stream.NewMergeHub[uint64]()
		g, ctx := stream.NewGroup(ctx)
		g.Go(func() error {
			defer hub.Close()
			producers, ctx := stream.NewGroup(ctx)
			for _, src := range srcs {
				producers.Go(func() error {
					_, err := stream.Run(ctx, src, hub.Sink())
					return unlessClosed(err)
				})
			}
			return producers.Wait()
		})
		return g.Do(func() error { return hub.Each(stream.WithoutDrain(ctx), emit) })
	})
}

// unlessClosed drops the error of a closed hub, because the other side reports why the hub ended.
func unlessClosed(err error) error {
	if errors.Is(err, stream.ErrClosed) {
		return nil
	}
	return err
}

// hubOf is the operator of a hub with one or two consumers. If there are two, either may join late
// and miss elements.
func hubOf(name string, hub func(n int) *stream.Hub[uint64]) operator {
	return operator{name, func(b *builder, in model, _ int) (numberFlow, model, string) {
		n, alone := b.number(1, 4), b.chance(2)
		out, text := in, ""
		if !alone {
			out.lo, out.gaps, text = 0, true, "[2]"
		}
		return stream.NewFlow(func(ctx context.Context, src numberSource, emit func(uint64) error) error {
			h := hub(n)
			g, ctx := stream.NewGroup(ctx)
			g.Go(func() error {
				_, err := stream.Run(ctx, src, h)
				return err
			})
			if !alone {
				g.Go(func() error {
					_, err := stream.Run(stream.WithoutDrain(ctx), h.Source(), sink.Discard[uint64]())
					return unlessClosed(err)
				})
			}
			return g.Do(func() error { return h.Source().Each(stream.WithoutDrain(ctx), emit) })
		}), out, text
	}}
}
