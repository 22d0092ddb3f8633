package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/backup"
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
			n, err := a.printList(cmd.Context(), r)
			if err == nil && n == 0 && !a.program.JSON {
				a.program.Done(cli.Textf("%s has no backup", at.name), "no backup")
			}
			return a.explain(at, err)
		},
	}
	keys.bindReader(cmd.Flags())
	store.bind(cmd.Flags())
	return cmd
}

// printList prints one line for each backup, and returns how many there are.
func (a *app) printList(ctx context.Context, r *backup.Repository) (n int64, err error) {
	if a.program.JSON {
		return stream.Run(ctx, r.List(), sink.ForEach(func(_ context.Context, m backup.Manifest) error {
			return a.result(&m, "")
		}))
	}
	table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	n, err = stream.Run(ctx, stream.Via(r.List(), stream.Enumerate[backup.Manifest]()),
		sink.ForEach(func(_ context.Context, p stream.Pair[int64, backup.Manifest]) error {
			if p.First == 0 {
				fmt.Fprintln(table, "BACKUP\tENDED\tCOLLECTIONS\tDOCUMENTS\tSIZE\tSTORED\tCONSISTENCY\tLABEL")
			}
			m := &p.Second
			_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Run, m.Ended.Format(time.DateTime),
				cli.Count(int64(len(m.Collections))), cli.Count(m.Documents()), cli.Bytes(m.Bytes()),
				cli.Bytes(stored(m)),
				printed(m.Consistency), printed(m.Label))
			return err
		}))
	if flush := table.Flush(); err == nil {
		err = flush
	}
	return n, err
}

// stored returns the bytes in the store that the backup names.
func stored(m *backup.Manifest) (n int64) {
	for i := range m.Collections {
		n += m.Collections[i].Stored
	}
	return n
}
