package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/dustin/go-humanize"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// UsageError is an error in the command line or the environment.
type UsageError struct{ err error }

// Error describes the mistake.
func (e *UsageError) Error() string { return e.err.Error() }

func (e *UsageError) text(s *secrets) string { return s.describe(e.err) }

// Unwrap returns the server's error if a server found the mistake.
func (e *UsageError) Unwrap() error { return e.err }

// Usagef returns a [*UsageError].
func Usagef(format string, args ...any) error { return &UsageError{Errorf(format, args...)} }

// Require returns a [*UsageError] that names every flag of names whose value is empty.
func Require(fs *Flags, names ...string) error {
	var missing []string
	for _, n := range names {
		if fs.Lookup(n).Value.String() == "" {
			missing = append(missing, "-"+n)
		}
	}
	if len(missing) > 0 {
		return Usagef("missing %s", strings.Join(missing, ", "))
	}
	return nil
}

// Size is the value of a flag that counts bytes: 8MiB, 16MB, 5242880.
type Size int64

// String implements [flag.Value].
func (s *Size) String() string {
	if *s > 0 && *s%1024 == 0 {
		return strings.ReplaceAll(humanize.IBytes(uint64(*s)), " ", "")
	}
	return fmt.Sprint(int64(*s))
}

// Set implements [flag.Value].
func (s *Size) Set(text string) error {
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 || n > math.MaxInt64 {
		return errors.New("want a size such as 8MiB")
	}
	*s = Size(n)
	return nil
}

// List is the value of a flag that may be repeated.
type List []string

// String implements [flag.Value].
func (l *List) String() string { return strings.Join(*l, ",") }

// Set implements [flag.Value].
func (l *List) Set(text string) error {
	*l = append(*l, text)
	return nil
}

// Filter is the value of a flag that holds a MongoDB filter in Extended JSON.
type Filter struct {
	text string
	D    bson.D // never nil after Set
}

// String implements [flag.Value].
func (f *Filter) String() string { return f.text }

// Set implements [flag.Value].
func (f *Filter) Set(text string) error {
	d, object := bson.D{}, map[string]any(nil)
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return fmt.Errorf("want a JSON object such as {\"status\": \"new\"}: %w", err)
	}
	if object == nil { // null
		return errors.New("want a JSON object such as {\"status\": \"new\"}")
	}
	if err := bson.UnmarshalExtJSON([]byte(text), false, &d); err != nil {
		return fmt.Errorf("want Extended JSON such as {\"status\": \"new\"}: %w", err)
	}
	f.text, f.D = text, d
	return nil
}
