package mongosink

import (
	"context"
	"math"

	"github.com/millweir/millweir/stream"
)

const (
	copies = 3 // of each document of a batch in flight: the command's, and two of the driver

	// documentOverhead is what a document takes in the batch and in the driver, without its bytes.
	documentOverhead = 128
)

// memoryOf returns the memory of a document until its batch is settled. The copies of the driver
// count from the start: a full batch must never wait for memory, because only sending it frees any.
func memoryOf(size int) int64 { return copies*int64(size) + documentOverhead }

// openAccount returns the account for the batches of a run. Its minimum is one batch.
func (w *writing) openAccount(ctx context.Context) *stream.Account {
	need := stream.Need{
		Stage: "mongosink." + w.stage,
		Min:   copies*int64(w.batchBytes+idBytes) + documentOverhead*int64(w.batchDocuments),
	}
	if w.given {
		need.Requested = math.MaxInt64
		if n := int64(w.parallelism); n <= math.MaxInt64/need.Min {
			need.Requested = n * need.Min
		}
	}
	return stream.OpenAccount(ctx, need)
}
