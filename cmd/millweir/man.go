package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

func (a *app) man() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIRECTORY",
		Short: "Write the manual pages into a directory",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			header := &doc.GenManHeader{Title: "MILLWEIR", Section: "1", Source: "millweir"}
			if err := doc.GenManTree(cmd.Root(), header, args[0]); err != nil {
				return cli.Errorf("write the manual: %w", err)
			}
			return nil
		},
	}
}
