package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

// backupName is the argument that names a backup, as the help shows it.
const backupName = "[BACKUP]"

// view opens a repository and the backup that the arguments name: by default the newest.
func (a *app) view(cmd *cobra.Command, args []string, store *storeFlags, keys *keyFlags) (*backup.View, place, []string,
	error,
) {
	location, rest := a.repoAndRest(args)
	r, at, err := a.open(cmd.Context(), location, store, keys)
	if err != nil {
		return nil, at, rest, err
	}
	run := ""
	if len(rest) > 0 && rest[0] != "latest" {
		run = rest[0]
	}
	v, err := r.View(cmd.Context(), run)
	return v, at, rest, a.explain(at, err)
}

func (a *app) show() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	cmd := &cobra.Command{
		Use:     "show REPO " + backupName,
		Short:   "Show what a backup has",
		Long:    `show prints the collections of a backup, by default of the newest, and what it lacks. It needs no key.`,
		Example: `  millweir show ./repo`,
		Args:    a.takesRepo(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v, _, _, err := a.view(cmd, args, &store, &keys)
			if err != nil {
				return err
			}
			m := v.Manifest()
			return a.result(&m, manifestText(&m))
		},
	}
	keys.bindReader(cmd.Flags())
	store.bind(cmd.Flags())
	return cmd
}

// manifestText returns a manifest for people.
func manifestText(m *backup.Manifest) string {
	var s strings.Builder
	fmt.Fprintf(&s, "backup      %s\n", m.Run)
	if m.Label != "" {
		fmt.Fprintf(&s, "label       %s\n", printed(m.Label))
	}
	fmt.Fprintf(&s, "read        %s to %s\n", m.Began.Format(time.RFC3339), m.Ended.Format(time.RFC3339))
	fmt.Fprintf(&s, "consistency %s\n", printed(m.Consistency))
	fmt.Fprintf(&s, "server      %s\n",
		printed(strings.TrimSpace(m.Server.Version+" "+m.Server.Topology+" "+m.Server.Name)))
	if !m.Retain.IsZero() {
		fmt.Fprintf(&s, "protected   until %s\n", m.Retain.Format(time.RFC3339))
	}
	if m.Parent != "" {
		fmt.Fprintf(&s, "reuses      %s\n", m.Parent)
	}
	table := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nNAMESPACE\tKIND\tDOCUMENTS\tSIZE\tSTORED\tREUSED")
	for i := range m.Collections {
		c := &m.Collections[i]
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", printed(c.Namespace().String()), printed(string(c.Kind)),
			cli.Count(c.Documents), cli.Bytes(c.Bytes), cli.Bytes(c.Stored), cli.Bytes(c.Reused))
	}
	_ = table.Flush()
	for _, l := range m.LeftOut {
		fmt.Fprintf(&s, "left out: %s: %s\n", printed(strings.TrimSuffix(l.Database+"."+l.Collection, ".")),
			printed(l.Reason))
	}
	return s.String()
}
