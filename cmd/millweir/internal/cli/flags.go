package cli

// UsageError is an error in the command line or the environment.
type UsageError struct{ err error }

// Error describes the mistake.
func (e *UsageError) Error() string { return e.err.Error() }

func (e *UsageError) text(s *secrets) string { return s.describe(e.err) }

// Unwrap returns the server's error if a server found the mistake.
func (e *UsageError) Unwrap() error { return e.err }

// Usagef returns a [*UsageError].
func Usagef(format string, args ...any) error { return &UsageError{Errorf(format, args...)} }
