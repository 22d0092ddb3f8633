package codec

import (
	"context"

	"github.com/millweir/millweir/stream"
)

// The memory of one block in flight, in bytes: its text, its compressed form, and the state of a
// worker.
const (
	deflateBlockMemory = 5 << 19
	s2BlockMemory      = 5 << 19
	zstdBlockMemory    = 5 << 20
)

// workers are the goroutines of one run of a stage.
type workers struct {
	n      int // 0 means none
	option int // the stage's option Parallelism, which need not say how many
}

// need returns what the stage needs of a budget: one unit of work, or if the user set the option,
// perWorker units for each goroutine at most.
func (w workers) need(stage string, unit, perWorker int64) stream.Need {
	need := stream.Need{Stage: stage, Min: unit}
	if w.option > 0 {
		need.Requested = int64(w.option) * perWorker * unit
	}
	return need
}

// blockMemory counts the memory of the blocks of a compressor.
type blockMemory struct {
	*stream.Account
	perBlock int64
}

// openBlocks opens the account of a run. The caller must close it.
func (w workers) openBlocks(ctx context.Context, stage string, perBlock int64) blockMemory {
	return blockMemory{stream.OpenAccount(ctx, w.need(stage, perBlock, 2)), perBlock}
}

// acquire takes the memory of a block. Unless the run has no other block, another goroutine must
// release one.
func (b blockMemory) acquire(ctx context.Context) error { return b.Acquire(ctx, b.perBlock) }

// release gives back the memory of a block.
func (b blockMemory) release() { b.Release(b.perBlock) }
