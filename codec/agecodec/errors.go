package agecodec

import (
	"errors"
	"fmt"
	"io"

	"filippo.io/age/armor"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
)

// Errors of a file have class [stream.Data]. Errors of keys have class [stream.Fatal].
var (
	// ErrNoRecipients means that [Encrypt] has no recipients. Nothing is written.
	ErrNoRecipients = fatal("no recipients")
	// ErrRecipients means that no reader would accept the header: it has more than 1,024 stanzas
	// (one for each key), a stanza with more than 128 arguments, or more than 2 MiB. Nothing is
	// written.
	ErrRecipients = fatal("more recipients than a header may have")
	// ErrNoIdentities means that [Decrypt] has no identity to try.
	ErrNoIdentities = fatal("no identities")
	// ErrNoMatch means that no identity can decrypt the file: the key or passphrase is wrong.
	ErrNoMatch = fatal("no identity matches")
	// ErrDamaged means that the armor, the header or a chunk is malformed or not authentic:
	// altered, damaged, or cut inside its last chunk, which the format cannot distinguish. Some
	// changes of a header cause [ErrNoMatch] instead, because they turn a recipient into another
	// one.
	ErrDamaged = stream.Mark(errors.New("damaged"), stream.Data)
	// ErrTruncated means that the file ends early: in its armor, in its header or between two
	// chunks. It is an io.ErrUnexpectedEOF.
	ErrTruncated = stream.Mark(fmt.Errorf("truncated: %w", io.ErrUnexpectedEOF), stream.Data)
	// ErrWorkFactor means that a passphrase would take more work than allowed by MaxWorkFactor of
	// [PassphraseOptions], or 2^20 for an age.ScryptIdentity. The file itself states the work,
	// which could take gigabytes of memory and minutes.
	ErrWorkFactor = stream.Mark(errors.New("work factor too large"), stream.Data)
)

// notAgeError returns the error of a file that begins with head, which is not the start of an age
// file.
func notAgeError(head []byte, err error) error {
	if mostlyEqual(head, intro) || mostlyEqual(head, armor.Header) {
		return fmt.Errorf("%w: the first line is not that of an age file", err)
	}
	return &codec.FormatError{Want: string(codec.TypeAge), Got: codec.FileTypeOf(head), Err: err}
}

// mostlyEqual reports whether head matches most bytes of line. Then it is probably a damaged line,
// or one of another version.
func mostlyEqual(head []byte, line string) bool {
	same := 0
	for i := range min(len(head), len(line)) {
		if head[i] == line[i] {
			same++
		}
	}
	return same > len(line)/2
}

// fatal returns an error of settings or keys.
func fatal(text string) error { return stream.Mark(errors.New(text), stream.Fatal) }
