package main

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// difference is a [backup.Difference] for --json.
type difference struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	ID        string `json:"id,omitempty"` // in Extended JSON
}

// differenceText describes a difference for people.
func differenceText(d *difference) string {
	what := "it"
	if d.ID != "" {
		what = printed(d.ID)
	}
	words := map[backup.DifferenceKind]string{
		backup.OnlyFirst:       "only the first backup has " + what,
		backup.OnlySecond:      "only the second backup has " + what,
		backup.OptionsDiffer:   "its kind, options or indexes differ",
		backup.DocumentDiffers: "the backups have different documents " + what,
		backup.ContentDiffers:  "its documents differ",
	}
	return printed(d.Namespace) + ": " + cmp.Or(words[backup.DifferenceKind(d.Kind)], printed(d.Kind))
}

func (a *app) diff() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	cmd := &cobra.Command{
		Use:   "diff REPO BACKUP BACKUP",
		Short: "Show in which documents two backups differ",
		Long: `diff prints one line for each document that only one of two backups has, or that differs, and one for a
collection that only one of them has. Ranges that have not changed are not fetched. A backup is a name or latest.`,
		Example: `  millweir diff ./repo 20261128t030000z-1f2e3d4c5b6a7988 latest --identity me.txt`,
		Args:    a.takesRepo(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, rest := a.repoAndRest(args)
			if len(rest) != 2 {
				return cli.Usagef("diff needs two backups: names, or latest")
			}
			first, at, _, err := a.view(cmd, args, &store, &keys)
			if err != nil {
				return err
			}
			location, _ := a.repoAndRest(args)
			second, _, _, err := a.view(cmd, append([]string{location}, rest[1]), &store, &keys)
			if a.repo != "" {
				second, _, _, err = a.view(cmd, rest[1:], &store, &keys)
			}
			if err != nil {
				return err
			}
			_, err = stream.Run(cmd.Context(), first.Diff(second, nil),
				sink.ForEach(func(_ context.Context, d backup.Difference) error {
					line := difference{d.Namespace.String(), string(d.Kind), idText(d.ID)}
					return a.result(line, differenceText(&line))
				}))
			return a.explain(at, err)
		},
	}
	keys.bindReader(cmd.Flags())
	store.bind(cmd.Flags())
	return cmd
}
