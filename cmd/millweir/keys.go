package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

func (a *app) keys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make keys, and change who reads a repository",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.keysGenerate(), a.keysExport(), a.keysRekey(), a.keysEpoch(), a.keysShred())
	return cmd
}

func (a *app) keysGenerate() *cobra.Command {
	var identity, signingKey string
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Make a key that reads, a key that signs, or both",
		Long: `generate makes new keys in files that do not exist yet. The key that reads is one of age; its file has the
public key as a comment. The key that signs is one of minisign, without a password; its public key is in FILE.pub.

Keep the key that reads away from the machine that makes backups, and keep a copy of it: without it, a backup cannot be
read by anyone.`,
		Example: `  millweir keys generate --identity me.txt --signing-key sign.key`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if identity == "" && signingKey == "" {
				return cli.Usagef("nothing to make: give --identity or --signing-key")
			}
			if err := allNew(identity, signingKey); err != nil {
				return err
			}
			return a.generate(identity, signingKey)
		},
	}
	cmd.Flags().StringVar(&identity, "identity", "", "make a key of age that reads repositories, in this `FILE`")
	cmd.Flags().StringVar(&signingKey, "signing-key", "", "make a key of minisign that signs, in this `FILE`")
	return cmd
}

// allNew returns an error if one of the files of new keys exists, before any is written.
func allNew(identity, signingKey string) error {
	files := []string{identity}
	if signingKey != "" {
		files = append(files, signingKey, signingKey+".pub")
	}
	for _, file := range files {
		if _, err := os.Lstat(file); file != "" && err == nil {
			return existsAlready(file)
		}
	}
	if identity != "" && (identity == signingKey || identity == signingKey+".pub") {
		return cli.Usagef("--identity and --signing-key name the same file")
	}
	return nil
}

func existsAlready(file string) error {
	return cli.Usagef("%s exists already, and was left as it is: choose another name", file)
}

// change is a change of a repository's keys.
type change struct {
	use, short, long, example string
	needsIdentity             bool
	recipients                bool
	do                        func(context.Context, *backup.Repository) error
	done                      string
	kind                      string // of the change, for --json
}

func (a *app) keysRekey() *cobra.Command {
	return a.changeKeys(&change{
		use: "rekey REPO", short: "Change who reads a repository",
		long: `rekey makes the recipients those who read the repository, and nobody else. Data is not touched. Someone who had a
copy of an old key and of the repository's keys can read what was stored until now: see new-epoch.`,
		example:       `  millweir keys rekey ./repo --identity old.txt --recipient age1… --signing-key sign.key`,
		needsIdentity: true, recipients: true,
		do:   func(ctx context.Context, r *backup.Repository) error { return r.Rekey(ctx) },
		done: "the given recipients read the repository now, and nobody else",
		kind: "rekey",
	})
}

func (a *app) keysEpoch() *cobra.Command {
	return a.changeKeys(&change{
		use: "new-epoch REPO", short: "Make a new key pair for what is stored from now on",
		long: `new-epoch makes a new key pair, so that a leaked key does not read what is stored from now on. The next backup
stores everything again.`,
		example:    `  millweir keys new-epoch ./repo --recipient age1… --signing-key sign.key`,
		recipients: true,
		do:         func(ctx context.Context, r *backup.Repository) error { return r.NewEpoch(ctx) },
		done:       "what is stored from now on has a new key",
		kind:       "new-epoch",
	})
}

func (a *app) keysShred() *cobra.Command {
	sure := false
	cmd := a.changeKeys(&change{
		use: "shred REPO", short: "Delete the keys of a repository: nobody can read its documents any more",
		long: `shred deletes the keys of the repository. After that, nobody can read the documents of its backups, also not of those
that cannot be deleted yet. It cannot be undone. Whoever has the signing key can still read the catalogs (options and
indexes), manifests are in the clear, and copies of the repository stay as they are. A store with versions may keep what
was deleted.`,
		example: `  millweir keys shred ./repo --yes --signing-key sign.key`,
		do: func(ctx context.Context, r *backup.Repository) error {
			if !sure {
				return cli.Usagef("shred makes every backup unreadable for ever: say --yes to do it")
			}
			return r.Shred(ctx)
		},
		done: "the keys are deleted: nobody can read the documents; manifests are in the clear, the signing key still reads the " +
			"catalogs, and copies of the repository stay",
		kind: "shred",
	})
	cmd.Flags().BoolVar(&sure, "yes", false, "do it")
	return cmd
}

func (a *app) changeKeys(c *change) *cobra.Command {
	var store storeFlags
	var keys keyFlags
	cmd := &cobra.Command{
		Use: c.use, Short: c.short, Long: c.long, Example: c.example, Args: a.takesRepo(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.needsIdentity && keys.identity == "" {
				return cli.Usagef("no --identity: a key that reads the repository now is needed")
			}
			if c.recipients && len(keys.recipients) == 0 && keys.recipientsFile == "" {
				return cli.Usagef("nobody could read the repository: give --recipient or --recipients-file")
			}
			location, _ := a.repoAndRest(args)
			r, at, err := a.open(cmd.Context(), location, &store, &keys)
			if err == nil {
				err = a.explain(at, c.do(cmd.Context(), r))
			}
			if err != nil {
				return err
			}
			a.program.Done(cli.Textf("%s: "+c.done, at.name), "keys changed", "change", c.kind, "location", at.name)
			return nil
		},
	}
	keys.bindReader(cmd.Flags())
	if c.recipients {
		keys.bindRecipients(cmd.Flags())
	}
	store.bind(cmd.Flags())
	return cmd
}
