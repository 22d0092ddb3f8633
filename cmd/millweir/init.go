package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

func (a *app) init() *cobra.Command {
	var store storeFlags
	keys := keyFlags{recipientsOfFile: true}
	var plain, unsigned bool
	cmd := &cobra.Command{
		Use:   "init REPO",
		Short: "Make a repository",
		Long: `init makes a repository in an empty directory or under an empty prefix. Those who may read it are the
recipients; give more than one, so that a lost key is not the end. A repository with a signing key is signed: nobody
without that key can forge its backups.`,
		Example: `  millweir init ./repo --recipient age1… --recipient age1… --signing-key sign.key
  millweir init s3://backups/tenant-7 --identity me.txt --signing-key sign.key`,
		Args: a.takesRepo(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			location, _ := a.repoAndRest(args)
			loaded, err := keys.load()
			switch {
			case err != nil:
				return err
			case plain && len(loaded.Recipients) > 0:
				return cli.Usagef("--no-encryption contradicts --recipient, --recipients-file and --identity")
			case !plain && len(loaded.Recipients) == 0:
				return cli.Usagef("nobody could read the repository: give --recipient, --recipients-file or --identity, " +
					"or say --no-encryption")
			case loaded.Sign == nil && !unsigned:
				return cli.Usagef("no --signing-key: whoever can write to the store could forge backups; say --unsigned " +
					"to accept that")
			case loaded.Sign != nil && unsigned:
				return cli.Usagef("--unsigned contradicts --signing-key")
			}
			at, err := a.store(cmd.Context(), location, &store)
			if err != nil {
				return err
			}
			undo, err := at.create()
			if err != nil {
				return err
			}
			r, err := backup.Init(cmd.Context(), at.store, loaded, &backup.InitOptions{Plain: plain})
			if err != nil {
				undo()
			}
			if errors.Is(err, backup.ErrNotEmpty) {
				return cli.Errorf("%s cannot become a repository: %w", at.name, err)
			}
			if err != nil {
				return a.explain(at, err)
			}
			a.program.Done(cli.Textf("made the repository %s at %s", r.ID(), at.name), "repository made",
				"repository", r.ID(), "location", at.name, "encrypted", !plain, "signed", !unsigned)
			return nil
		},
	}
	flags := cmd.Flags()
	keys.bindRecipients(flags)
	flags.StringVar(&keys.identity, "identity", "",
		"a `FILE` of secret keys of age: without --recipient, their public keys may read")
	keys.bindSigner(flags)
	flags.BoolVar(&plain, "no-encryption", false, "store in the clear: whoever reads the store reads the data")
	flags.BoolVar(&unsigned, "unsigned", false, "do not sign")
	store.bind(flags)
	return cmd
}
