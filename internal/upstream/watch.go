// Package upstream records what a stage's upstream did, so that the stage can return the errors of
// the upstream unchanged, and add to its own.
package upstream

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// Watched is a source that records whether it was run, and its error.
type Watched struct {
	stream.Source[[]byte]
	Started bool
	Err     error // nil if the receiver's error ended the run
}

// Watch returns src for one run.
func Watch(src stream.Source[[]byte]) *Watched { return &Watched{Source: src} }

// Each implements [stream.Source]. The receiver uses a chunk only until emit returns.
func (w *Watched) Each(ctx context.Context, emit func([]byte) error) error {
	w.Started = true
	var stopped error
	err := stream.EachLent(ctx, w.Source, func(p []byte) error {
		stopped = emit(p)
		return stopped
	})
	if stopped == nil {
		w.Err = err
	}
	return err
}
