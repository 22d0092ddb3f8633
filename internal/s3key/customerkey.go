package s3key

import (
	"fmt"
	"io"
)

// CustomerKey is a key of SSE-C, 32 bytes. Package fmt, JSON and logs do not show them, unless they
// print an unexported field, whose methods they do not call.
type CustomerKey []byte

// Format implements [fmt.Formatter].
func (k CustomerKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.text()) }

// MarshalText implements [encoding.TextMarshaler], for JSON and package log/slog.
func (k CustomerKey) MarshalText() ([]byte, error) { return []byte(k.text()), nil }

func (k CustomerKey) text() string {
	if k == nil {
		return "none"
	}
	return "hidden"
}
