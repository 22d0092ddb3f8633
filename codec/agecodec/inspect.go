package agecodec

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"filippo.io/age"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// Info holds what can be read from an age file without a key.
type Info struct {
	Stanzas    []string // types of the recipients' stanzas, in order, such as "X25519", "scrypt", "ssh-ed25519"
	WorkFactor int      // log2 of a passphrase's work; 0 without a passphrase
	HeaderSize int64    // bytes of the header: the payload's offset in the binary form
	Armored    bool     // the file is text
}

// Passphrase reports whether the file is encrypted with a passphrase.
func (i Info) Passphrase() bool { return slices.Contains(i.Stanzas, "scrypt") }

// PostQuantum reports whether the file is thought to be safe from quantum computers: every
// recipient is a hybrid key or a passphrase.
func (i Info) PostQuantum() bool {
	return len(i.Stanzas) > 0 && !slices.ContainsFunc(i.Stanzas, func(s string) bool {
		return s != "mlkem768x25519" && s != "mlkem768p256tag" && s != "scrypt"
	})
}

// PlainSize returns the size of the content of a binary file of size bytes. The error is
// [ErrTruncated] if a longer file could begin with these bytes, and [ErrDamaged] if no file with
// this header has this size.
func (i Info) PlainSize(size int64) (int64, error) {
	if size < i.HeaderSize+nonceSize+overhead {
		return 0, fmt.Errorf("agecodec: size of %d bytes: %w", size, ErrTruncated)
	}
	sealed := size - i.HeaderSize - nonceSize
	chunks, last := sealed/sealedChunkSize, sealed%sealedChunkSize
	switch {
	case last != 0 && last < overhead:
		return 0, fmt.Errorf("agecodec: size of %d bytes: %w", size, ErrTruncated)
	case last == overhead && sealed > sealedChunkSize:
		return 0, fmt.Errorf("agecodec: size of %d bytes: %w: the last chunk would be empty", size, ErrDamaged)
	}
	if last != 0 {
		chunks++
	}
	return sealed - chunks*overhead, nil
}

// Inspect returns a sink that reads the header of an age file, binary or armored, without a key,
// and then stops its upstream.
//
//   - In: byte chunks of any size. Only the header is read.
//   - Result: the contents of the header. They are not authenticated: this takes a key.
//   - Memory: one chunk, and a header of at most 2 MiB.
//   - Order and goroutines: fused.
//   - Errors: [ErrDamaged] if the header is malformed, [ErrTruncated] if it does not end.
func Inspect() stream.Sink[[]byte, Info] {
	headers := stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func(Info) error) error {
		return emitInfo(ctx, src, emit)
	})
	return stream.Into(headers, sink.First[Info]())
}

// emitInfo emits the contents of src's header. It returns an error if src ends early.
func emitInfo(ctx context.Context, src stream.Source[[]byte], emit func(Info) error) error {
	const name = "agecodec: inspect"
	var h headerCutter
	var failed error
	file := &binarySource{stage: name, src: src}
	err := file.Each(ctx, func(p []byte) error {
		if failed != nil {
			return failed
		}
		head, _, err := h.push(p)
		if err != nil {
			failed = fmt.Errorf("%s: %w", name, err)
		}
		if head == nil {
			return failed
		}
		info, err := inspect(head)
		if err != nil {
			failed = fmt.Errorf("%s: %w", name, err)
			return failed
		}
		info.Armored = file.armored
		failed = emit(info)
		return failed
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	}
	return fmt.Errorf("%s: %w", name, h.finish())
}

// inspect parses a complete header with an identity that matches nothing.
func inspect(head []byte) (Info, error) {
	info := Info{HeaderSize: int64(len(head))}
	err := parseHeader(head, func(stanzas []*age.Stanza) {
		for _, s := range stanzas {
			info.Stanzas = append(info.Stanzas, s.Type)
		}
		info.WorkFactor = workFactor(stanzas)
	})
	if err != nil {
		return Info{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return info, nil
}

// parseHeader calls look with the stanzas of a complete header, or returns an error if it is
// malformed.
func parseHeader(head []byte, look inspectOnly) error {
	_, err := age.DecryptHeader(head, look)
	var none *age.NoIdentityMatchError
	if !errors.As(err, &none) {
		return headerError{err}
	}
	return nil
}

// inspectOnly is an identity that matches nothing.
type inspectOnly func([]*age.Stanza)

// Unwrap implements [age.Identity].
func (l inspectOnly) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	l(stanzas)
	return nil, age.ErrIncorrectIdentity
}
