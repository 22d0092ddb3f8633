package main

import (
	"context"
	"os/exec"

	"github.com/millweir/millweir/bench/internal/report"
)

const (
	maxRSS    = 128      // MiB, of every run of ours
	memoryBar = 1 / 1.15 // at most 15 % more memory for 10 GB than for 1 GB
	quickBar  = 1 / 1.4  // the same with -quick: little data does not fill the memory

	againBar     = 10 // a second backup stores a tenth at most
	changedShare = 0.01

	maxRequests = 2.5 // to S3, for each of many collections
)

// cases returns all cases, in the order of the report.
func (w *world) cases(ctx context.Context, s settings, quick bool) []report.Case {
	few := int64(s.megabytes * 1e6)
	pairs, more, bar := few/4, 10*few, memoryBar
	if quick { // the same rows, with memory that fills just as well
		pairs, few, more, bar = few, 2*few, 6*few, quickBar
	}
	all := append(w.pairs(ctx, large(w.templates, pairs, 0)), w.many(ctx, s.collections, quick)...)
	all = append(all, w.again(ctx, few))
	for _, store := range []string{inS3, inDirectory} {
		if !quick || store == inS3 {
			all = append(all, w.growth(ctx, store, large(w.templates, few, 0), large(w.templates, more, 0), bar)...)
		}
	}
	return all
}

// newCase has the common fields of all cases.
func (w *world) newCase(name, about string) report.Case {
	return report.Case{
		Name: name, About: about, Unit: "byte", Cold: true,
		Also: []report.Metric{
			report.Wall, report.RSS, report.Stored, report.Objects, report.Requests,
			report.Commands,
		},
		Limits: []report.Limit{{Metric: report.RSS, Max: maxRSS}},
	}
}

// absent names the programs that would be compared if they were there.
func absent() (names []string) {
	for _, name := range []string{"mongodump", "mongorestore"} {
		if _, err := exec.LookPath(name); err != nil {
			names = append(names, name+": not to be had on this machine")
		} else {
			names = append(names,
				name+": the server of this bench is not one that it supports; see bench/cmd/job -peer")
		}
	}
	return names
}

// pairs compares a backup and a restore of a deployment with the competent program.
func (w *world) pairs(ctx context.Context, d *deployment) []report.Case {
	backup := w.newCase("backup", d.name+", "+w.about+": JSON, gzip, age")
	backup.Ours = report.Peer{Name: ours, Work: w.backupWork(ctx, ours, inS3, d)}
	backup.Peers = []report.Peer{{
		Name: theirs, Work: w.backupWork(ctx, theirs, inS3, d), Bar: report.Bar{Least: 4},
	}}
	backup.Absent = absent()
	restore := w.newCase("restore", "and back, each from the objects that it stored")
	restore.Ours = report.Peer{Name: ours, Work: w.restoreWork(ctx, ours, inS3, d)}
	restore.Peers = []report.Peer{{
		Name: theirs, Work: w.restoreWork(ctx, theirs, inS3, d), Bar: report.Bar{Least: 7},
	}}
	restore.Absent = absent()
	return []report.Case{backup, restore}
}

// many measures a deployment of many collections.
func (w *world) many(ctx context.Context, n int, quick bool) []report.Case {
	d := manyCollections(w.templates, n)
	backup := w.newCase("many-backup", d.name+", most of them tiny, "+megabytes(d.bytes)+", "+w.about)
	backup.Ours = report.Peer{Name: ours, Work: w.backupWork(ctx, ours, inS3, d)}
	backup.Peers = []report.Peer{
		{Name: theirs, Work: w.backupWork(ctx, theirs, inS3, d)},
		{Name: ours + " to a directory", Work: w.backupWork(ctx, ours, inDirectory, d)},
	}
	backup.Limits = append(backup.Limits, report.Limit{
		Metric: report.Requests, Max: maxRequests * float64(n),
	})
	verify := w.newCase("many-verify", "read and verified, without a database")
	verify.Ours = report.Peer{Name: ours, Work: w.verifyWork(ctx, inS3, d)}
	verify.Peers = []report.Peer{{Name: ours + " in a directory", Work: w.verifyWork(ctx, inDirectory, d)}}
	restore := w.newCase("many-restore", "and restored, with indexes")
	restore.Ours = report.Peer{Name: ours, Work: w.restoreWork(ctx, ours, inS3, d)}
	restore.Peers = []report.Peer{
		{Name: theirs + ", without indexes", Work: w.restoreWork(ctx, theirs, inS3, d)},
		{Name: ours + " from a directory", Work: w.restoreWork(ctx, ours, inDirectory, d)},
	}
	all := []report.Case{backup, verify, restore}
	for i := range all {
		if quick {
			all[i].Rounds = 1
		}
	}
	return all
}

// again compares what a second backup stores with what the first one did, if a part of the newest
// documents changed.
func (w *world) again(ctx context.Context, bytes int64) report.Case {
	first, second := large(w.templates, bytes, 0), large(w.templates, bytes, changedShare)
	second.name += " with 1 % changed"
	c := w.newCase("again", "a second backup after the newest 1 % of the documents changed, in segments of "+
		megabytes(first.segment()))
	c.By, c.Also = report.Stored, []report.Metric{
		report.CPU, report.Wall, report.RSS, report.Objects, report.Requests, report.Commands,
	}
	c.Rounds = 1
	c.Ours = report.Peer{Name: secondBackup, Work: w.againWork(ctx, first, second, secondBackup)}
	c.Peers = []report.Peer{{
		Name: firstBackup, Work: w.againWork(ctx, first, second, firstBackup), Bar: report.Bar{Least: againBar},
	}}
	return c
}

// growth compares the memory of ours for little data and for ten times as much.
func (w *world) growth(ctx context.Context, store string, few, many *deployment, bar float64,
) []report.Case {
	all := []report.Case{
		w.newCase("growth-backup-"+store, "peak memory of a backup of "+many.name+" to a "+store),
		w.newCase("growth-verify-"+store, "of its verification"),
		w.newCase("growth-restore-"+store, "of its restore"),
	}
	work := []func(*deployment) report.Work{
		func(d *deployment) report.Work { return w.backupWork(ctx, ours, store, d) },
		func(d *deployment) report.Work { return w.verifyWork(ctx, store, d) },
		func(d *deployment) report.Work { return w.restoreWork(ctx, ours, store, d) },
	}
	for i := range all {
		c := &all[i]
		c.By, c.Also = report.RSS, []report.Metric{
			report.CPU, report.Wall, report.Stored, report.Objects, report.Requests, report.Commands,
		}
		c.Rounds = 1
		c.Ours = report.Peer{Name: many.name, Work: work[i](many)}
		c.Peers = []report.Peer{{Name: few.name, Work: work[i](few), Bar: report.Bar{Least: bar}}}
	}
	return all
}
