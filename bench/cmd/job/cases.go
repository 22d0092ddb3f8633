package main

import (
	"context"
	"fmt"

	"github.com/millweir/millweir/bench/internal/report"
)

// maxRSS is the memory limit of ours in MiB: four parts of 8 MiB in flight, one that fills, and the
// rest of the program.
const maxRSS = 110

// memoryBar is the bar for constant memory: at most 15 % more for many times the data.
const memoryBar = 1 / 1.15

// cases returns all cases, in the order of the report.
func (w *world) cases(ctx context.Context, s settings, quick bool) []report.Case {
	var all []report.Case
	size := int64(s.megabytes * 1e6)
	if s.level != "fast" {
		all = append(all, w.backup(ctx, "backup-default", millweirDefault, "gzip level 5", size, 3.5))
	}
	if s.level != "default" {
		all = append(all, w.backup(ctx, "backup-fast", millweirFast, "gzip level 1", size, 4))
	}
	ours := millweirDefault
	if s.level == "fast" {
		ours = millweirFast
	}
	// A few MB do not fill one part of an upload, so they show little about memory.
	few, many, rounds := size, 10*size, 3
	if quick {
		few, many, rounds = 2*size, 4*size, 1
	}
	all = append(all,
		w.restore(ctx, ours, size),
		w.growth("backup-growth", "a backup", w.backupWork(ctx, ours, many), w.backupWork(ctx, ours, few), many, few,
			rounds),
		w.growth("restore-growth", "a restore", w.restoreWork(ctx, ours, many), w.restoreWork(ctx, ours, few), many,
			few, rounds),
		w.cores(ctx, "backup-cores", "backup", s.coresSize(quick)),
		w.cores(ctx, "restore-cores", "restore", s.coresSize(quick)),
	)
	return append(append(all, w.inMemory(ctx, size)...), w.large(ctx))
}

// job has the common fields of all cases.
func (w *world) job(name, about string) report.Case {
	return report.Case{
		Name: name, About: about + ", " + w.about, Unit: "byte", Cold: true,
		Also:   []report.Metric{report.Wall, report.RSS, report.Stored},
		Limits: []report.Limit{{Metric: report.RSS, Max: maxRSS}},
	}
}

// backup measures a backup: a collection to JSON, compressed, encrypted, to an object.
func (w *world) backup(ctx context.Context, name string, ours program, how string, size int64,
	bar float64,
) report.Case {
	c := w.job(name, "MongoDB to JSON, gzip, age and S3; ours "+how)
	c.Ours = report.Peer{Name: "millweir", Work: w.backupWork(ctx, ours, size)}
	c.Peers = []report.Peer{
		{Name: byHand.name, Work: w.backupWork(ctx, byHand, size), Bar: report.Bar{Least: bar, Goal: 5.5}},
		{Name: tuned.name, Work: w.backupWork(ctx, tuned, size), Bar: report.Bar{Least: 2, Goal: 2.3}},
	}
	if w.peer.command != "" {
		c.Peers = append(c.Peers, report.Peer{Name: w.peer.name, Work: w.backupWork(ctx, w.peer, size)})
	}
	return c
}

// restore measures a restore of each program's own backup.
func (w *world) restore(ctx context.Context, ours program, size int64) report.Case {
	c := w.job("restore", "and back, each from the object that it stored")
	c.Ours = report.Peer{Name: "millweir", Work: w.restoreWork(ctx, ours, size)}
	c.Peers = []report.Peer{
		{Name: byHand.name, Work: w.restoreWork(ctx, byHand, size), Bar: report.Bar{Least: 3, Goal: 7}},
		{Name: tuned.name, Work: w.restoreWork(ctx, tuned, size)},
	}
	if w.peer.command != "" {
		c.Peers = append(c.Peers, report.Peer{Name: w.peer.name, Work: w.restoreWork(ctx, w.peer, size)})
	}
	return c
}

// growth compares the memory of ours for little data and for much.
func (w *world) growth(name, what string, many, few report.Work, manyBytes, fewBytes int64, rounds int) report.Case {
	c := w.job(name, "peak memory of "+what+" of more data")
	c.By, c.Also, c.Rounds = report.RSS, []report.Metric{report.CPU, report.Wall, report.Stored}, rounds
	c.Ours = report.Peer{Name: "millweir, " + megabytes(manyBytes), Work: many}
	c.Peers = []report.Peer{{Name: "millweir, " + megabytes(fewBytes), Work: few, Bar: report.Bar{Least: memoryBar}}}
	return c
}

func megabytes(n int64) string { return fmt.Sprintf("%.4g MB", float64(n)/1e6) }
