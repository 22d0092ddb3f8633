package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/millweir/millweir/stream"
)

// ErrEmpty is the error of a run without elements into a sink that returns one of them: [First],
// [Last], [Reduce]. It is of class Data.
var ErrEmpty = stream.Mark(errors.New("sink: there was no element"), stream.Data)

// ErrExists is the error of [File] with IfAbsent if a file has the name. It is [fs.ErrExist] and of
// class Fatal.
var ErrExists = stream.Mark(fmt.Errorf("it is not replaced: %w", fs.ErrExist), stream.Fatal)

// invalid returns a sink that starts nothing and fails.
func invalid[T, R any](format string, args ...any) stream.Sink[T, R] {
	err := stream.Mark(fmt.Errorf("sink: "+format, args...), stream.Fatal)
	return stream.SinkFunc[T, R](func(context.Context, stream.Source[T]) (none R, _ error) { return none, err })
}
