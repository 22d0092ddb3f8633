package main

import (
	"context"
	"fmt"

	"github.com/millweir/millweir/bench/internal/child"
	"github.com/millweir/millweir/bench/internal/report"
)

// measure runs a program to its end in one direction.
func (w *world) measure(ctx context.Context, p program, direction, collection, key string) (child.Usage, error) {
	env := append(w.env[:len(w.env):len(w.env)],
		"JOB_DIRECTION="+direction, "JOB_COLLECTION="+collection, "JOB_KEY="+key)
	u, err := child.Measure(ctx, child.Program{Role: p.role, Command: p.command}, env)
	if err != nil {
		return u, fmt.Errorf("%s: %w", direction, err)
	}
	return u, nil
}

// backupWork backs up the source of a size, and verifies the object.
func (w *world) backupWork(ctx context.Context, p program, size int64) report.Work {
	return func(int) (report.Sample, error) {
		src, err := w.source(ctx, size)
		if err != nil {
			return report.Sample{}, err
		}
		key := objectKey(p, src)
		u, err := w.measure(ctx, p, "backup", src.collection, key)
		if err != nil {
			return report.Sample{}, err
		}
		if w.stored[key], err = w.checkObject(ctx, p, key, src.lines); err != nil {
			return report.Sample{}, fmt.Errorf("verify the backup: %w", err)
		}
		w.logRate("backup", p, src, u)
		return w.sample(u, src, key), nil
	}
}

// restoreWork restores the program's own backup of the source of a size, and verifies the
// collection.
func (w *world) restoreWork(ctx context.Context, p program, size int64) report.Work {
	return func(int) (report.Sample, error) {
		src, err := w.source(ctx, size)
		if err != nil {
			return report.Sample{}, err
		}
		key := objectKey(p, src)
		if w.stored[key] == 0 {
			if _, err := w.backupWork(ctx, p, size)(1); err != nil {
				return report.Sample{}, err
			}
		}
		const target = "target"
		u, err := w.measure(ctx, p, "restore", target, key)
		if err != nil {
			return report.Sample{}, err
		}
		if err := w.checkCollection(ctx, target, src.docs); err != nil {
			return report.Sample{}, fmt.Errorf("verify the restore: %w", err)
		}
		w.logRate("restore", p, src, u)
		return w.sample(u, src, key), w.db.Collection(target).Drop(ctx)
	}
}

// logRate logs a run in the units in which an operator asks.
func (w *world) logRate(what string, p program, src *source, u child.Usage) {
	fmt.Fprintf(w.log, "%s by %s: %.0f documents/s, %.1f s of CPU a GB, %d MiB\n", what, p.name,
		float64(src.docs.Records)/u.Wall.Seconds(), u.CPU.Seconds()/(float64(src.bytes)/1e9), u.RSS>>20)
}

func objectKey(p program, src *source) string { return src.collection + "." + p.role + ".jsonl.gz.age" }

func (w *world) sample(u child.Usage, src *source, key string) report.Sample {
	return report.Sample{Units: int(src.bytes), CPU: u.CPU, Wall: u.Wall, RSS: u.RSS, Stored: w.stored[key], Allocs: -1}
}
