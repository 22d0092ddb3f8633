package codec

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/millweir/millweir/stream"
)

// ErrMiscoded means that the output of an encoder does not decode to its input. Its class is Fatal:
// the fault is in the program or in the machine, not in the data.
var ErrMiscoded = stream.Mark(errors.New("the encoded data does not decode to the input"), stream.Fatal)

// Verified returns p with an encoder that decodes its own output while it runs. A fault in the
// encoder or in the machine's memory then ends the run before anything is published.
//
//   - Memory: the memory of both flows, and 17 chunks.
//   - Goroutines: those of p, and one that decodes, mostly while the encoder runs.
//   - Errors: [ErrMiscoded], joined with the error of the decoder if there is one, after the
//     encoder has completed.
func Verified(p Format[[]byte]) Format[[]byte] {
	p.encode = verifyingEncoder(p.Encode(), p.Decode())
	return p
}

func verifyingEncoder(encode, decode stream.Flow[[]byte, []byte]) stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		var in, out tally
		in.hash.SetSeed(maphash.MakeSeed())
		out.hash.SetSeed(in.hash.Seed())
		var decoding error
		// The sink does not return its error: if the downstream ends early, the decoder sees a
		// truncated stream.
		check := stream.SinkFunc[[]byte, struct{}](func(ctx context.Context, src stream.Source[[]byte]) (struct{},
			error,
		) {
			decoding = stream.Via(src, decode).Each(ctx, out.add)
			return struct{}{}, nil
		})
		given := stream.SourceFunc[[]byte](func(ctx context.Context, emit func([]byte) error) error {
			return src.Each(ctx, func(p []byte) error {
				_ = in.add(p)
				return emit(p)
			})
		})
		err := stream.Via2(given, encode, stream.AlsoTo(check)).Each(ctx, emit)
		switch {
		case err != nil:
			return err
		case decoding != nil:
			return wrap("codec: verified", fmt.Errorf("%w: %w", ErrMiscoded, decoding))
		case in.length != out.length || in.hash.Sum64() != out.hash.Sum64():
			return wrap("codec: verified", fmt.Errorf("%w: %d bytes became %d", ErrMiscoded, in.length, out.length))
		}
		return nil
	})
}

// tally is the length and the hash of a byte stream.
type tally struct {
	length int64
	hash   maphash.Hash
}

func (t *tally) add(p []byte) error {
	t.length += int64(len(p))
	_, err := t.hash.Write(p)
	return err
}
