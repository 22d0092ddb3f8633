package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/signing"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

func (a *app) list() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	cmd := &cobra.Command{
		Use:     "list REPO",
		Short:   "List the backups of a repository",
		Long:    `list prints the complete backups, the oldest first. It needs no key; with --trust, it checks the signatures.`,
		Example: `  millweir list s3://backups/tenant-7 --trust sign.key.pub`,
		Args:    a.takesRepo(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			location, _ := a.repoAndRest(args)
			r, at, err := a.open(cmd.Context(), location, &store, &keys)
			if err != nil {
				return err
			}
			return a.printList(cmd.Context(), r, at)
		},
	}
	keys.bindReader(cmd.Flags())
	store.bind(cmd.Flags())
	return cmd
}

// listed is a backup of a list: its manifest, or why that cannot be used.
type listed struct {
	run      string
	manifest backup.Manifest
	err      error
}

// isUnusable reports whether err is about one backup, so that others may be whole.
func isUnusable(err error) bool {
	for _, defect := range []error{backup.ErrDamaged, signing.ErrSignature, backup.ErrUnsigned, backup.ErrNewerFormat} {
		if errors.Is(err, defect) {
			return true
		}
	}
	return false
}

// eachBackup returns a source of the backups of a repository, the oldest first. Unlike
// [backup.Repository.List], it does not end at one whose manifest is damaged.
func eachBackup(r *backup.Repository) stream.Source[listed] {
	const atOnce = 8
	return stream.Via2(r.Runs(), stream.MapParallel(atOnce, func(ctx context.Context, run string) (listed, error) {
		v, err := r.View(ctx, run)
		switch {
		case errors.Is(err, backup.ErrNoBackup): // it was deleted since
			return listed{}, nil
		case isUnusable(err):
			return listed{run: run, err: err}, nil
		case err != nil:
			return listed{}, err
		}
		return listed{run: run, manifest: v.Manifest()}, nil
	}), stream.Filter(func(l listed) bool { return l.run != "" }))
}

// printList prints one line for each backup.
func (a *app) printList(ctx context.Context, r *backup.Repository, at place) error {
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	var unusable error
	n := 0
	_, err := stream.Run(ctx, eachBackup(r), sink.ForEach(func(_ context.Context, l listed) error {
		switch {
		case l.err != nil:
			a.program.Warn(cli.Textf("the backup %s cannot be used: %w", l.run, l.err), "unusable", "run", l.run,
				"error", a.program.Words(l.err))
			unusable = l.err
			return nil
		case a.program.JSON:
			return a.result(&l.manifest, "")
		}
		if n++; n == 1 {
			fmt.Fprintln(table, "BACKUP\tENDED\tCOLLECTIONS\tDOCUMENTS\tSIZE\tSTORED\tCONSISTENCY\tLABEL")
		}
		return printListed(table, &l.manifest)
	}))
	if flush := table.Flush(); err == nil {
		err = flush
	}
	switch {
	case err != nil:
		return a.explain(at, err)
	case unusable != nil:
		return cli.Errorf("%w; bring the file back from a copy of the repository, or delete it to give the backup up",
			a.explain(at, unusable))
	case n == 0 && !a.program.JSON:
		a.program.Done(cli.Textf("%s has no backup", at.name), "no backup")
	}
	return nil
}

// printListed prints the line of a backup.
func printListed(table io.Writer, m *backup.Manifest) error {
	_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Run, m.Ended.Format(time.DateTime),
		cli.Count(int64(len(m.Collections))), cli.Count(m.Documents()), cli.Bytes(m.Bytes()), cli.Bytes(stored(m)),
		printed(m.Consistency), printed(m.Label))
	return err
}

// stored returns the bytes in the store that the backup names.
func stored(m *backup.Manifest) (n int64) {
	for i := range m.Collections {
		n += m.Collections[i].Stored
	}
	return n
}
