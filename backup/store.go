package backup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millweir/millweir/stream"
)

// Store holds the objects of a repository, each under a key.
//
// Package [github.com/millweir/millweir/backup/storetest] has the tests that a store must pass. A
// store is safe for concurrent use, also by several processes. What a run has stored or deleted is
// visible to every run that begins later.
type Store interface {
	// Put returns a sink that stores its input as the object at key. The object appears when the
	// run returns nil, whole. If key has an object, the error is [ErrExists] and the object stays
	// as it is. An error of class UnknownOutcome means that the object may have been stored.
	Put(key string, opts *PutOptions) stream.Sink[[]byte, Object]

	// Get returns a source of the bytes of the object at key. The error is [ErrNotFound] if there
	// is none. A run that returns nil has emitted all of the bytes that were asked for.
	Get(key string, opts *GetOptions) stream.Source[[]byte]

	// List returns a source of the objects whose keys begin with prefix, in ascending order of the
	// keys' bytes. Objects that are stored or deleted during the run may be emitted or not. Objects
	// of others, whose keys [CheckKey] refuses, are left out. A drain does not end the list early.
	List(prefix string) stream.Source[Object]

	// Delete returns a sink that deletes the objects at the keys that it is given, in any order,
	// and returns how many keys it was given. A key without an object is not an error. The error is
	// [ErrHeld] if an object is protected.
	Delete() stream.Sink[string, int64]
}

// Holder is a [Store] that can protect an object that it has from deletion. A hold can be made
// longer, and never shorter.
type Holder interface {
	// Hold protects the object at key from deletion until the time. The error is [ErrNoHold] if the
	// store cannot do that after all, and [ErrNotFound] if there is no object.
	Hold(ctx context.Context, key string, until time.Time) error
}

// Checker is a [Store] that can find out whether it is fit for a repository.
type Checker interface {
	// Check returns what is wrong with the settings, the rights or the service, all of it, or nil.
	// It may leave a small object that no List shows.
	Check(ctx context.Context) error
}

// Sweeper is a [Store] that can remove unfinished objects. A killed process leaves them, and List does
// not show them.
type Sweeper interface {
	// Sweep removes unfinished objects, and returns how many.
	Sweep(ctx context.Context, opts *SweepOptions) (int64, error)
}

// SweepOptions tunes [Sweeper].Sweep.
type SweepOptions struct {
	Before       time.Time        // only what was last written before it; zero means a week ago
	DryRun       bool             // remove nothing
	OnUnfinished func(Unfinished) // called for each unfinished object; may be nil
}

// Defaults returns the options with their defaults in place of zero values.
func (o *SweepOptions) Defaults() SweepOptions {
	all := SweepOptions{}
	if o != nil {
		all = *o
	}
	if all.Before.IsZero() {
		all.Before = time.Now().AddDate(0, 0, -7)
	}
	if all.OnUnfinished == nil {
		all.OnUnfinished = func(Unfinished) {}
	}
	return all
}

// Unfinished describes an object whose writer may have been killed.
type Unfinished struct {
	Key      string    // of the object that it was to become
	Size     int64     // in bytes; -1 if the store does not know it
	Modified time.Time // when it was begun or last written to, by the store's clock
}

// Object describes an object of a [Store].
type Object struct {
	Key      string
	Size     int64     // in bytes
	Modified time.Time // when it was stored, by the store's clock; Put may leave it zero
}

// PutOptions tunes [Store].Put. The zero value is ready to use.
type PutOptions struct {
	// RetainUntil protects the object from deletion until then. The zero time means no protection.
	// If the store cannot do that, the error is [ErrNoHold].
	RetainUntil time.Time
}

// GetOptions tunes [Store].Get. The zero value reads the whole object.
type GetOptions struct {
	Offset int64 // where to begin, in bytes from the start of the object
	Length int64 // how many bytes to read; 0 means all to the end
}

var (
	// ErrExists is the error of [Store].Put if the key has an object.
	ErrExists = stream.Mark(errors.New("the key already has an object"), stream.Fatal)

	// ErrNotFound is the error of [Store].Get if the key has no object.
	ErrNotFound = stream.Mark(errors.New("there is no such object"), stream.Fatal)

	// ErrHeld is the error of [Store].Delete if an object is protected from deletion.
	ErrHeld = stream.Mark(errors.New("the object is protected from deletion"), stream.Fatal)

	// ErrListOrder is the error of [Store].List if the service does not list keys in the order of
	// their bytes, such as a directory bucket of Amazon S3. It cannot be used.
	ErrListOrder = stream.Mark(errors.New("the service does not list keys in the order of their bytes"), stream.Fatal)

	// ErrNoHold is the error of a protection that the store cannot give.
	ErrNoHold = stream.Mark(errors.New("the store cannot protect objects from deletion"), stream.Fatal)
)

const (
	maxKey     = 700 // bytes of a key
	maxSegment = 200 // bytes between two slashes
)

// CheckKey reports why key cannot be the key of an object of a [Store]: an error of class Fatal.
//
// A key is a list of names with a slash between them. A name has lower-case letters, digits, and
// after the first byte also '.', '-' and '_'. So a key is a path on every file system, and two keys
// that differ are two files. A name has up to 200 bytes, and a key 700.
func CheckKey(key string) error {
	if len(key) > maxKey {
		return badKey(key[:maxKey]+"…", "it is longer than %d bytes", maxKey)
	}
	for name := range strings.SplitSeq(key, "/") {
		switch {
		case name == "":
			return badKey(key, "a name in it is empty")
		case len(name) > maxSegment:
			return badKey(key, "a name in it is longer than %d bytes", maxSegment)
		case !alphanumeric(name[0]):
			return badKey(key, "a name in it begins with %q", name[0])
		case strings.HasSuffix(name, "."):
			return badKey(key, "a name in it ends with a dot")
		case reserved(name):
			return badKey(key, "the name %s is a device on Windows", name)
		}
		for i := range len(name) {
			if c := name[i]; !alphanumeric(c) && c != '.' && c != '-' && c != '_' {
				return badKey(key, "it has the byte %q", c)
			}
		}
	}
	return nil
}

func badKey(key, format string, args ...any) error {
	return stream.Mark(fmt.Errorf("backup: the key %q: "+format, append([]any{key}, args...)...), stream.Fatal)
}

func alphanumeric(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// reserved reports whether Windows takes the name for a device, whatever its extension
// (https://learn.microsoft.com/windows/win32/fileio/naming-a-file).
func reserved(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	switch base {
	case "con", "prn", "aux", "nul":
		return true
	}
	port := strings.TrimPrefix(strings.TrimPrefix(base, "com"), "lpt")
	return len(base) == 4 && len(port) == 1 && '0' <= port[0] && port[0] <= '9'
}
