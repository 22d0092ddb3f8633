package source

import (
	"errors"

	"github.com/millweir/millweir/internal/ending"
	"github.com/millweir/millweir/stream"
)

var (
	// ErrUsed is the error of a second run of a source that can run only once. It is of class
	// Fatal.
	ErrUsed = stream.Mark(errors.New("source: it can be run only once, and was"), stream.Fatal)

	// ErrClosed is the error of [Queue.Offer] if the queue accepts no more elements although
	// nothing failed: after Complete, and after the run ended early. It is of class Fatal.
	ErrClosed = stream.Mark(ending.NewEcho("source: the queue is closed"), stream.Fatal)
)
