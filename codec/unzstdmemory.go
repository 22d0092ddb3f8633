package codec

import (
	"context"

	"github.com/millweir/millweir/stream"
)

const (
	usualWindow  = 8 << 20 // bytes that the frames of most writers need at most
	decoderState = 1 << 20 // bytes of a decoder without its window
)

// windowMemory takes the memory of a decoder's window from the budget.
type windowMemory struct {
	*stream.Account
	ctx    context.Context // of the run
	held   int64
	denied error // why reserve failed
}

// openWindows opens the account of a run. The caller must close it.
func openWindows(ctx context.Context, stage string, maxWindow int64) *windowMemory {
	least := min(maxWindow, usualWindow) + decoderState
	return &windowMemory{Account: stream.OpenAccount(ctx, stream.Need{Stage: stage, Min: least}), ctx: ctx}
}

// reserve takes the memory for a frame with this window, unless an earlier frame had a larger one.
// It does not wait for memory beyond the run's first: nothing else releases what the run holds.
func (m *windowMemory) reserve(window uint64) error {
	need := int64(window) + decoderState
	if need <= m.held {
		return nil
	}
	m.Release(m.held)
	m.held = 0
	if m.denied = m.Acquire(m.ctx, need); m.denied == nil {
		m.held = need
	}
	return m.denied
}
