package backup

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/millweir/millweir/stream"
)

// HeldBack says what the units of a job waited for in this process. The times of units that were
// done at the same time are added up.
type HeldBack struct {
	Source time.Duration `json:"source,omitempty"` // the deployment that a backup reads
	CPU    time.Duration `json:"cpu,omitempty"`    // encoding, decoding, encryption and digests
	Store  time.Duration `json:"store,omitempty"`  // the store of the repository
	Target time.Duration `json:"target,omitempty"` // the deployment of a restore, or the store of a copy
}

// By returns the stage with the longest time, source, CPU, store or target, and its share of all,
// from 0 to 1. The stage is "" if nothing was measured.
func (h HeldBack) By() (stage string, share float64) {
	longest := time.Duration(0)
	for _, one := range []struct {
		name string
		took time.Duration
	}{{"source", h.Source}, {"CPU", h.CPU}, {"store", h.Store}, {"target", h.Target}} {
		if one.took > longest {
			stage, longest = one.name, one.took
		}
	}
	if stage == "" {
		return "", 0
	}
	return stage, float64(longest) / float64(h.Source+h.CPU+h.Store+h.Target)
}

// String returns the stage and its share: store (71 % of the time).
func (h HeldBack) String() string {
	stage, share := h.By()
	if stage == "" {
		return "nothing"
	}
	return fmt.Sprintf("%s (%.0f %% of the time)", stage, 100*share)
}

// meters measure what the units of a job wait for. The zero value is ready to use.
type meters struct {
	work stream.Stats // of the stage that encodes, decodes or checks
	back stream.Stats // of the stage that reads back, or compares with an earlier backup

	writing atomic.Int64 // nanoseconds after the last byte was passed on
	reading atomic.Int64 // nanoseconds of reads that work does not measure
}

// wrote adds the time since a moment to the time of writes.
func (m *meters) wrote(since time.Time) { m.writing.Add(int64(time.Since(since))) }

// read adds the time since a moment to the time of reads.
func (m *meters) read(since time.Time) { m.reading.Add(int64(time.Since(since))) }

// ofBackup returns the times of a backup: work encodes, and back compares with the parent.
func (m *meters) ofBackup() HeldBack {
	work, back := m.work.Snapshot(), m.back.Snapshot()
	return HeldBack{
		Source: work.Waited + back.Waited, CPU: work.Own + back.Blocked,
		Store: work.Blocked + time.Duration(m.writing.Load()+m.reading.Load()),
	}
}

// ofVerification returns the times of a verification: work decodes.
func (m *meters) ofVerification() HeldBack {
	work := m.work.Snapshot()
	return HeldBack{Store: work.Waited + time.Duration(m.reading.Load()), CPU: work.Own + work.Blocked}
}

// ofWriting returns the times of a restore or a copy: work decodes or checks, and back reads back.
func (m *meters) ofWriting() HeldBack {
	work, back := m.work.Snapshot(), m.back.Snapshot()
	return HeldBack{
		Store: work.Waited + time.Duration(m.reading.Load()), CPU: work.Own + back.Own + back.Blocked,
		Target: work.Blocked + back.Waited + time.Duration(m.writing.Load()),
	}
}

// consume runs a sink, and measures the time that it takes after the end of its input. The result
// of other is subtracted.
func consume[T, R any](ctx context.Context, m *meters, src stream.Source[T], to stream.Sink[T, R],
	other func() time.Duration,
) (R, error) {
	var ended time.Time
	result, err := stream.Run(ctx, stream.SourceFunc[T](func(ctx context.Context, emit func(T) error) error {
		err := src.Each(ctx, emit)
		ended = time.Now()
		return err
	}), to)
	if !ended.IsZero() {
		m.writing.Add(int64(max(time.Since(ended)-other(), 0)))
	}
	return result, err
}

// nothing makes consume subtract no time.
func nothing() time.Duration { return 0 }
