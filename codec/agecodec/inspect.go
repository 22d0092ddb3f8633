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

// Info is what an age file tells to anyone.
type Info struct {
	Stanzas    []string // the types of the recipients' stanzas, in order: "X25519", "scrypt", "ssh-ed25519", "ssh-rsa", "mlkem768x25519"…
	WorkFactor int      // of a file with a passphrase: the binary logarithm of the work; else 0
	HeaderSize int64    // bytes of the header, which is where the payload begins in the file's binary form
	Armored    bool     // the file is text
}

// Passphrase tells whether the file is encrypted with a passphrase.
func (i Info) Passphrase() bool { return slices.Contains(i.Stanzas, "scrypt") }

// PostQuantum tells whether the file keeps its secret from quantum computers, as far as is known: every recipient has a key of the
// hybrid kind, or a passphrase.
func (i Info) PostQuantum() bool {
	return len(i.Stanzas) > 0 && !slices.ContainsFunc(i.Stanzas, func(s string) bool {
		return s != "mlkem768x25519" && s != "mlkem768p256tag" && s != "scrypt"
	})
}

// PlainSize returns how many bytes a binary file of size bytes holds when it is decrypted. A size that no file with this header has
// is [ErrTruncated] when a file can begin so, and [ErrDamaged] when none can.
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

// Inspect returns a sink that reads the header of an age file, binary or armored, without any key, and stops its upstream behind it.
//
//   - In: byte chunks of any size, of which only those with the header are read.
//   - Result: what the header says. Nothing is authenticated: only who has a key can tell whether the header is genuine.
//   - Memory: one chunk, and a header of at most 2 MiB.
//   - Order and goroutines: fused.
//   - Errors: [ErrDamaged] when there is no well-formed header, [ErrTruncated] when it does not end.
func Inspect() stream.Sink[[]byte, Info] {
	headers := stream.NewFlow(func(ctx context.Context, src stream.Source[[]byte], emit func(Info) error) error {
		return emitInfo(ctx, src, emit)
	})
	return stream.Into(headers, sink.First[Info]())
}

// emitInfo emits what the header of src says, which must make emit fail, or end early.
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

// inspect reads a whole header by way of an identity that only looks.
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

// parseHeader shows look the stanzas of a whole header, or reports that it is none.
func parseHeader(head []byte, look inspectOnly) error {
	_, err := age.DecryptHeader(head, look)
	var none *age.NoIdentityMatchError
	if !errors.As(err, &none) {
		return headerError{err}
	}
	return nil
}

// lookOnly is an identity that fits nothing.
type inspectOnly func([]*age.Stanza)

// Unwrap implements [age.Identity].
func (l inspectOnly) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	l(stanzas)
	return nil, age.ErrIncorrectIdentity
}
