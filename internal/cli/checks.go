package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/stream"
)

// NotEmpty returns a flow that passes its input on. If the input is empty, the flow fails with
// empty, so that the sink does not publish.
func NotEmpty[T any](empty error) stream.Flow[T, T] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[T], emit func(T) error) error {
		gotElement := false
		if err := src.Each(ctx, func(v T) error { gotElement = true; return emit(v) }); err != nil {
			return err
		}
		if !gotElement {
			return empty
		}
		return nil
	})
}

// BeforeFirst returns a flow that calls do once: before it emits its first element, or before it
// ends if the input is empty. If do fails, the flow ends with its error.
func BeforeFirst[T any](do func(ctx context.Context) error) stream.Flow[T, T] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[T], emit func(T) error) error {
		done := false
		err := src.Each(ctx, func(v T) error {
			if !done {
				done = true
				if err := do(ctx); err != nil {
					return err
				}
			}
			return emit(v)
		})
		if err != nil || done {
			return err
		}
		return do(ctx)
	})
}

// Pass returns a flow that changes nothing.
func Pass[T any]() stream.Flow[T, T] {
	return stream.FlowFunc[T, T](func(src stream.Source[T]) stream.Source[T] { return src })
}

var (
	errEncrypted    = Errorf("the object is encrypted: give the file with its key by -identity")
	errNotEncrypted = Errorf("the object is not encrypted: restore it without -identity, if you trust where it " +
		"comes from")
	errNotGzip = Errorf("the object is no compressed backup")
)

// CheckFormat returns a flow that passes a backup's bytes on. It fails if the first chunk shows
// that the backup is encrypted and opts say that it is not, or the other way round. The errors of
// the decoders would be less clear.
func CheckFormat(opts *FormatOptions) stream.Flow[[]byte, []byte] {
	return stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func([]byte) error) error {
		first := true
		return src.Each(ctx, func(p []byte) error {
			if first {
				first = false
				if err := checkHeader(p, opts); err != nil {
					return err
				}
			}
			return emit(p)
		})
	})
}

func checkHeader(p []byte, opts *FormatOptions) error {
	isAge := bytes.HasPrefix(p, []byte("age-encryption.org/"))
	isGzip := bytes.HasPrefix(p, []byte{0x1f, 0x8b})
	switch {
	case isAge && !opts.Encrypted:
		return errEncrypted
	case isGzip && opts.Encrypted:
		return errNotEncrypted
	case !isGzip && !opts.Encrypted:
		return Errorf("%w: it is %s", errNotGzip, codec.FileTypeOf(p))
	}
	return nil
}

// ExplainContents adds to an error of the decoders what to do about it, if that is known.
func ExplainContents(err error) error {
	var syntax *bsoncodec.SyntaxError
	var other *codec.FormatError
	switch {
	case errors.Is(err, agecodec.ErrNoMatch):
		return advise("wrong key", "no key in the -identity file opens the object: use one of those it was "+
			"encrypted to", err)
	case errors.As(err, &other):
		return advise(err.Error(), "the object is no backup: check -bucket and -key, and what wrote it", err)
	case errors.Is(err, codec.ErrTrailing):
		what := "something was appended to the object: cut it off, or restore from another copy"
		return advise(err.Error(), what, err)
	case errors.As(err, &syntax):
		return advise(err.Error(), "the object holds something that is no document of a backup", err)
	case errors.Is(err, agecodec.ErrDamaged), errors.Is(err, agecodec.ErrTruncated),
		errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return advise(err.Error(), "the object is damaged or cut short: restore from another copy of it", err)
	}
	return err
}
