// Package redact keeps secrets out of logs and messages.
package redact

import (
	"fmt"
	"io"
)

// Text is the text printed for a secret, by package fmt, in logs and in JSON. A type that holds a
// secret embeds it.
type Text string

// String implements [fmt.Stringer].
func (t Text) String() string { return string(t) }

// Format implements [fmt.Formatter]. Every verb prints the same text.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, string(t)) }

// MarshalText implements [encoding.TextMarshaler], for package log/slog and JSON.
func (t Text) MarshalText() ([]byte, error) { return []byte(t), nil }

// Opaque returns a function that returns v. Package fmt does not call methods of unexported fields:
// it prints their contents by reflection. It cannot see inside a function.
func Opaque[T any](v T) func() T { return func() T { return v } }
