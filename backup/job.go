package backup

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Job is work that is divided into units: a backup, a verification, a restore, a copy. [Run] does it
// in this process. A workflow engine can do the units on many machines: a unit and its receipt are
// JSON without secrets and documents.
//
// Every call can be repeated after a failure, and made by several processes at once, without harm.
type Job interface {
	// Units returns the units. They can be done in any order.
	Units(ctx context.Context) ([]Unit, error)

	// Do does one unit and returns its receipt.
	Do(ctx context.Context, u Unit) (Receipt, error)

	// Finish completes the job, from the receipts of all units in any order.
	Finish(ctx context.Context, receipts []Receipt) (Report, error)
}

// Unit is a part of a [Job].
type Unit struct {
	Job    string `json:"job"`    // what it belongs to, such as "backup" and the run
	Number int    `json:"number"` // from 0
}

// Receipt says what was done for a [Unit].
type Receipt struct {
	Unit   Unit            `json:"unit"`
	Counts Counts          `json:"counts"`
	Data   json.RawMessage `json:"data,omitempty"` // for Finish
}

// Counts says how much was done.
type Counts struct {
	Collections int64 `json:"collections"`
	Segments    int64 `json:"segments"`
	Documents   int64 `json:"documents"`
	Bytes       int64 `json:"bytes"`   // of the documents as BSON
	Stored      int64 `json:"stored"`  // bytes that were written to the store
	Reused      int64 `json:"reused"`  // bytes in the store that are named again
	Fetched     int64 `json:"fetched"` // bytes that were read from the store

	Objects      int64 `json:"objects,omitempty"`      // that were deleted
	AlreadyThere int64 `json:"alreadyThere,omitempty"` // collections or objects that the target had before
	Erased       int64 `json:"erased,omitempty"`       // documents that a restore left out by [RestoreOptions].Erase
}

// add adds d to c.
func (c *Counts) add(d Counts) {
	c.Collections += d.Collections
	c.Segments += d.Segments
	c.Documents += d.Documents
	c.Bytes += d.Bytes
	c.Stored += d.Stored
	c.Reused += d.Reused
	c.Fetched += d.Fetched
	c.Objects += d.Objects
	c.AlreadyThere += d.AlreadyThere
	c.Erased += d.Erased
}

// beyond returns c minus d. No count is negative.
func (c Counts) beyond(d Counts) Counts {
	return Counts{
		Collections: max(c.Collections-d.Collections, 0), Segments: max(c.Segments-d.Segments, 0),
		Documents: max(c.Documents-d.Documents, 0), Bytes: max(c.Bytes-d.Bytes, 0),
		Stored: max(c.Stored-d.Stored, 0), Reused: max(c.Reused-d.Reused, 0), Fetched: max(c.Fetched-d.Fetched, 0),
		Objects:      max(c.Objects-d.Objects, 0),
		AlreadyThere: max(c.AlreadyThere-d.AlreadyThere, 0), Erased: max(c.Erased-d.Erased, 0),
	}
}

// Report says what a [Job] did.
type Report struct {
	Job    string        `json:"job"` // backup, verify, restore or copy
	Run    string        `json:"run"` // the backup
	Took   time.Duration `json:"took"`
	Counts Counts        `json:"counts"`

	// Consistency is the manifest's. Weaker names everything that is weaker than what was asked for:
	// what was left out, that it is no snapshot, that it is not signed.
	Consistency string   `json:"consistency,omitempty"`
	Weaker      []string `json:"weaker,omitempty"`

	HeldBack HeldBack `json:"heldBack,omitzero"` // what this process waited for

	Depth string `json:"depth,omitempty"` // of a verification
	Proof string `json:"proof,omitempty"` // the key of the signed record of a verification
}

// Run does a job in this process, n units at a time, from 1 to 256; 0 means 1. If a unit fails, the
// others are canceled, and the error is that of the unit. A drain ([stream.Running.Drain]) lets the units
// that have begun end, and is [ErrIncomplete]. Run the job again: it goes on where it was.
func Run(ctx context.Context, job Job, n int) (Report, error) {
	began := time.Now()
	n = cmp.Or(n, 1)
	if n < 1 || n > maxParallelism {
		return Report{}, failed("run", fatal(fmt.Sprintf("%d units at a time: it must be 1 to %d", n, maxParallelism)))
	}
	units, err := job.Units(ctx)
	if err != nil {
		return Report{}, err
	}
	receipts, err := stream.Run(ctx, stream.Via(source.Slice(units), stream.MapUnordered(n, job.Do)),
		sink.Slice[Receipt]())
	if err != nil {
		return Report{}, err
	}
	if len(receipts) < len(units) { // the run was drained
		return Report{}, failed("run", fmt.Errorf("%w: %d of %d", ErrIncomplete, len(receipts), len(units)))
	}
	report, err := job.Finish(ctx, receipts)
	report.Took = time.Since(began)
	return report, err
}

const maxParallelism = 256
