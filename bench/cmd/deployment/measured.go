package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/millweir/millweir/bench/internal/child"
	"github.com/millweir/millweir/bench/internal/report"
	"github.com/millweir/millweir/mongotest"
)

// run is a run of a program.
type run struct {
	child.Usage
	result
	commands []mongotest.Command // that the server got
}

// measure runs a program to its end. srv may be nil.
func (w *world) measure(ctx context.Context, role, action string, p place, srv *mongotest.Server,
	more ...string,
) (r run, err error) {
	file := filepath.Join(w.Dir, "result.json")
	env := slices.Concat(w.env, more, p.environ(), []string{actionEnv + "=" + action, resultEnv + "=" + file})
	before := 0
	if srv != nil {
		env = append(env, mongoEnv+"="+srv.URI())
		before = len(srv.Commands())
	}
	if r.Usage, err = child.Measure(ctx, child.Program{Role: role}, env); err != nil {
		return r, fmt.Errorf("%s by %s: %w", action, role, err)
	}
	if srv != nil {
		r.commands = srv.Commands()[before:]
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r.result)
}

// backupWork makes the first backup of a deployment, and verifies it.
func (w *world) backupWork(ctx context.Context, role, store string, d *deployment) report.Work {
	return func(int) (report.Sample, error) {
		b, r, err := w.backUp(ctx, role, store, d)
		if err != nil {
			return report.Sample{}, err
		}
		if err := w.checkBackup(ctx, role, b); err != nil {
			return report.Sample{}, fmt.Errorf("the backup of %s by %s: %w", d.name, role, err)
		}
		return w.sample("backup", role, b, r), nil
	}
}

// backUp makes the first backup of a deployment, in place of an earlier one.
func (w *world) backUp(ctx context.Context, role, store string, d *deployment) (*backupMade, run, error) {
	name := strings.ReplaceAll(role+"-"+store+"-"+d.name, " ", "-")
	b := &backupMade{place: w.place(store, name), of: d}
	delete(w.made, name)
	err := errors.Join(w.remove(ctx, b.place), b.place.prepare())
	if err != nil {
		return b, run{}, err
	}
	r, err := w.backUpTo(ctx, role, b)
	if err == nil {
		w.made[name] = b
	}
	return b, r, err
}

// backUpTo makes a backup of a deployment in a place.
func (w *world) backUpTo(ctx context.Context, role string, b *backupMade) (r run, err error) {
	srv := b.of.serve()
	defer srv.Close()
	if err := b.of.createIndexes(ctx, srv.URI()); err != nil {
		return r, err
	}
	return w.backUpFrom(ctx, role, b, srv)
}

// backUpFrom makes a backup of a server in a place.
func (w *world) backUpFrom(ctx context.Context, role string, b *backupMade, srv *mongotest.Server, more ...string,
) (r run, err error) {
	if r, err = w.measure(ctx, role, "backup", b.place, srv, more...); err != nil {
		return r, err
	}
	b.count, b.stored, err = w.sizes(ctx, b.place)
	return r, err
}

// existing returns a backup of a deployment, and makes it if there is none.
func (w *world) existing(ctx context.Context, role, store string, d *deployment) (*backupMade, error) {
	if b := w.made[strings.ReplaceAll(role+"-"+store+"-"+d.name, " ", "-")]; b != nil {
		return b, nil
	}
	b, _, err := w.backUp(ctx, role, store, d)
	return b, err
}

// verifyWork reads a backup of a deployment.
func (w *world) verifyWork(ctx context.Context, store string, d *deployment) report.Work {
	return func(int) (report.Sample, error) {
		b, err := w.existing(ctx, ours, store, d)
		if err != nil {
			return report.Sample{}, err
		}
		r, err := w.measure(ctx, ours, "verify", b.place, nil)
		if err == nil {
			err = checkCounts(&r.Report, d)
		}
		return w.sample("verify", ours, b, r), err
	}
}

// restoreWork restores a program's backup of a deployment, and verifies the target.
func (w *world) restoreWork(ctx context.Context, role, store string, d *deployment) report.Work {
	return func(int) (report.Sample, error) {
		b, err := w.existing(ctx, role, store, d)
		if err != nil {
			return report.Sample{}, err
		}
		srv := d.target()
		defer srv.Close()
		r, err := w.measure(ctx, role, "restore", b.place, srv)
		if err == nil {
			err = checkTarget(ctx, role, srv, d)
		}
		if err != nil {
			return report.Sample{}, fmt.Errorf("the restore of %s by %s: %w", d.name, role, err)
		}
		return w.sample("restore", role, b, r), nil
	}
}

// againWork makes a backup, and then one of the changed deployment. Its figures are those of the second,
// or of the first.
func (w *world) againWork(ctx context.Context, first, second *deployment, figures string) report.Work {
	return func(int) (report.Sample, error) {
		before := &backupMade{place: w.place(inS3, "again"), of: first}
		if err := w.remove(ctx, before.place); err != nil {
			return report.Sample{}, err
		}
		srv := first.serve()
		defer srv.Close()
		segment := fmt.Sprintf("%s=%d", segmentEnv, first.segment())
		r, err := w.backUpFrom(ctx, ours, before, srv, segment)
		if err != nil || figures == firstBackup {
			return w.sample("first backup", ours, before, r), err
		}
		for _, c := range second.collections {
			srv.ChangeGenerated(c.database, c.name, c.documents)
		}
		again := &backupMade{place: before.place, of: second}
		r, err = w.backUpFrom(ctx, ours, again, srv, segment)
		if err == nil {
			err = w.checkBackup(ctx, ours, again)
		}
		if err != nil {
			return report.Sample{}, fmt.Errorf("the second backup: %w", err)
		}
		again.stored, again.count = again.stored-before.stored, again.count-before.count
		return w.sample("second backup", ours, again, r), nil
	}
}

// The backups whose figures a case has.
const (
	firstBackup  = "the first backup"
	secondBackup = "the second backup"
)

// sample returns the figures of a run, and logs them in the units in which an operator asks.
func (w *world) sample(what, role string, b *backupMade, r run) report.Sample {
	d := b.of
	fmt.Fprintf(w.log,
		"%s of %s by %s: %.1f s, %.1f CPU s (%.1f a GB), %d MiB, %d objects, %d requests, %.1f commands "+
			"a collection (%s)\n", what, d.name, role, r.Wall.Seconds(), r.CPU.Seconds(),
		r.CPU.Seconds()/(float64(d.bytes)/1e9), r.RSS>>20, b.count, r.Requests,
		float64(len(r.commands))/float64(len(d.collections)), frequent(r.commands))
	return report.Sample{
		Units: int(d.bytes), CPU: r.CPU, Wall: r.Wall, RSS: r.RSS, Stored: b.stored, Allocs: -1,
		Objects: b.count, Requests: r.Requests, Commands: int64(len(r.commands)),
	}
}

// frequent lists the most frequent commands.
func frequent(commands []mongotest.Command) string {
	counts := map[string]int{}
	for _, c := range commands {
		counts[c.Name]++
	}
	names := slices.SortedFunc(func(yield func(string) bool) {
		for name := range counts {
			if !yield(name) {
				return
			}
		}
	}, func(a, b string) int { return cmp.Or(counts[b]-counts[a], strings.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", counts[name], name)
	}
	return strings.Join(names[:min(len(names), 8)], ", ")
}
