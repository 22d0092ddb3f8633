package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

func (a *app) copyBackup() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	var to string
	var retain time.Duration
	var parallel int
	cmd := &cobra.Command{
		Use:   "copy REPO " + backupName + " --to REPO",
		Short: "Copy a backup to a second repository",
		Long: `copy copies a backup, by default the newest, byte for byte, to an empty place or to an earlier copy of this
repository. Each segment is read back there and compared. The copy has the same keys and signatures.

--retain protects the objects of the copy from deletion, also those that are there already. It makes no protection
shorter.`,
		Example: `  millweir copy ./repo --to s3://elsewhere/tenant-7 --signing-key sign.key
  millweir copy ./repo --to s3://elsewhere/tenant-7 --signing-key sign.key --retain 720h`,
		Args: a.takesRepo(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return cli.Usagef("no --to: give a directory or s3://BUCKET/PREFIX")
			}
			until, err := retainUntil(retain)
			if err != nil {
				return err
			}
			v, at, _, err := a.view(cmd, args, &store, &keys)
			if err != nil {
				return err
			}
			target, err := a.store(cmd.Context(), to, &store)
			if err != nil {
				return err
			}
			if target.is(at) {
				return cli.Usagef("--to is the repository itself: a second copy needs another place")
			}
			undo, err := target.create()
			if err != nil {
				return err
			}
			t := &tracked{verb: "copied"}
			t.Job = v.Copy(target.store, &backup.CopyOptions{Progress: t.event, RetainUntil: until})
			report, err := a.runJob(cmd.Context(), t, parallel)
			if err != nil {
				undo()
				return a.explainCopy(at, target, err)
			}
			return a.finished(cli.Textf("copied the backup %s to %s: %s (%s), in %s", report.Run, target.name,
				cli.Documents(report.Counts.Documents), cli.Bytes(report.Counts.Bytes),
				report.Took.Round(10*time.Millisecond)), &report)
		},
	}
	keys.bindReader(cmd.Flags())
	cmd.Flags().StringVar(&to, "to", "", "the second `REPO`")
	bindRetain(cmd.Flags(), &retain)
	bindParallel(cmd.Flags(), &parallel, "units")
	store.bind(cmd.Flags())
	return cmd
}

// explainCopy names the repository that an error of a copy comes from, and says what to do.
func (a *app) explainCopy(from, to place, err error) error {
	var ofTarget *backup.CopyTargetError
	switch {
	case errors.Is(err, backup.ErrNotEmpty):
		return cli.Errorf("%s cannot get the copy: %w", to.name, err)
	case errors.Is(err, backup.ErrNoHold):
		return cli.Errorf("the copy at %s: %w: leave --retain out, or choose a bucket with Object Lock", to.name, err)
	case errors.As(err, &ofTarget):
		return again(err, cli.Errorf("the copy at %s: %w", to.name, a.explain(to, ofTarget.Cause)))
	}
	return again(err, cli.Errorf("the backup at %s: %w", from.name, a.explain(from, err)))
}

// again adds to the words for err that another run goes on, unless err is damage, or the keys are gone.
func again(err, words error) error {
	for _, final := range []error{backup.ErrDamaged, backup.ErrNotFound, backup.ErrShredded} {
		if errors.Is(err, final) {
			return words
		}
	}
	return cli.Errorf("%w; run this again to go on", words)
}
