package agecodec

import (
	"errors"
	"fmt"
	"io"

	"filippo.io/age/armor"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/stream"
)

// What is wrong with a file is of class [stream.Data], what is wrong with keys of class [stream.Fatal].

var (
	// ErrNoRecipients says that [Encrypt] was given nobody to encrypt to. Nothing is written then, least of all plaintext.
	ErrNoRecipients = fatal("no recipients")
	// ErrRecipients says that no reader would take the header that the recipients make: there are more than 1,024 stanzas, of which
	// a key makes one, or one has more than 128 arguments, or all take more than 2 MiB. Nothing is written then.
	ErrRecipients = fatal("more recipients than a header may have")
	// ErrNoIdentities says that [Decrypt] was given no identity to try.
	ErrNoIdentities = fatal("no identities")
	// ErrNoMatch says that the file is encrypted to none of the identities: the wrong key or passphrase.
	ErrNoMatch = fatal("no identity matches")
	// ErrDamaged says that the armor, the header or a chunk is malformed or does not authenticate: altered, damaged, or cut inside
	// its last chunk, which the format cannot tell apart. Some changes of a header read as [ErrNoMatch], because they make another
	// recipient of the one that was meant.
	ErrDamaged = stream.Mark(errors.New("damaged"), stream.Data)
	// ErrTruncated says that the file ends early: in its armor, in its header or between two chunks. It is an io.ErrUnexpectedEOF.
	ErrTruncated = stream.Mark(fmt.Errorf("truncated: %w", io.ErrUnexpectedEOF), stream.Data)
	// ErrWorkFactor says that a passphrase would take more work to try than is allowed: by MaxWorkFactor of [PassphraseOptions], or 2^20
	// for an age.ScryptIdentity. A file states the work itself, and so could take gigabytes of memory and minutes.
	ErrWorkFactor = stream.Mark(errors.New("work factor too large"), stream.Data)
)

// notAge returns an error for a file that begins with head, which is not the beginning of an age file.
func notAgeError(head []byte, err error) error {
	if mostlyEqual(head, intro) || mostlyEqual(head, armor.Header) {
		return fmt.Errorf("%w: the first line is not that of an age file", err)
	}
	return &codec.FormatError{Want: string(codec.TypeAge), Got: codec.FileTypeOf(head), Err: err}
}

// alike reports whether most bytes of head are those of line: then it is a damaged one, or one of another version.
func mostlyEqual(head []byte, line string) bool {
	same := 0
	for i := range min(len(head), len(line)) {
		if head[i] == line[i] {
			same++
		}
	}
	return same > len(line)/2
}

// fatal returns an error of wrong settings or keys.
func fatal(text string) error { return stream.Mark(errors.New(text), stream.Fatal) }
