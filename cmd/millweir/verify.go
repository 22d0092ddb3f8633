package main

import (
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

func (a *app) verify() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	var depth string
	var parallel int
	var opts backup.VerifyOptions
	var mongo mongoFlags
	cmd := &cobra.Command{
		Use:   "verify REPO " + backupName,
		Short: "Check a backup: its objects, every byte, or by a restore",
		Long: `verify checks a backup, by default the newest. With --depth present it lists the objects and compares their sizes.
With --depth read, the default, it reads, decrypts and decodes every byte, and compares all digests. With --depth drill it
also restores everything into a scratch database, reads it back, and drops it. Each leaves a signed proof in the repository.
Exit code 5 means that the backup is damaged.`,
		Example: `  millweir verify ./repo --identity me.txt --signing-key sign.key`,
		Args:    a.takesRepo(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains([]string{string(backup.Present), string(backup.Read), drill}, depth) {
				return cli.Usagef("--depth %q is none of present, read and drill", depth)
			}
			v, at, _, err := a.view(cmd, args, &store, &keys)
			if errors.Is(err, backup.ErrDamaged) { // its manifest
				return cli.WithCode(err, exitDamaged)
			}
			if err != nil {
				return err
			}
			t := &tracked{verb: "verified"}
			opts.Progress = t.event
			t.Job = v.Verify(backup.Depth(depth), &opts)
			if depth == drill {
				client, access, err := mongo.connect(cmd.Context(), a)
				if err != nil {
					return err
				}
				defer access.Disconnect(client)
				t.Job = v.Drill(client, &backup.DrillOptions{VerifyOptions: opts})
			}
			report, err := a.runJob(cmd.Context(), t, parallel)
			var damage *backup.DamageError
			if errors.As(err, &damage) {
				a.warnWeaker(report.Weaker)
				return a.damaged(at, damage, err)
			}
			found := "is whole (" + depth + ")"
			if depth == string(backup.Present) {
				found = "has all objects, of the right sizes; their content was not read"
			}
			if err != nil && t.finishing.Load() && report.Proof == "" && !opts.NoProof && cmd.Context().Err() == nil {
				return cli.Errorf("the backup %s %s, but its proof could not be stored: %w; --no-proof stores none",
					report.Run, found, a.explain(at, err))
			}
			if err != nil {
				return a.explain(at, err)
			}
			c := &report.Counts
			return a.finished(cli.Textf("the backup %s %s: %s (%s) of %s, in %s", report.Run, found,
				cli.Documents(c.Documents), cli.Bytes(c.Bytes), collections(c.Collections),
				report.Took.Round(10*time.Millisecond)), &report)
		},
	}
	keys.bindReader(cmd.Flags())
	mongo.bind(cmd.Flags())
	cmd.Flags().StringVar(&depth, "depth", string(backup.Read), "`DEPTH`: present, read or drill")
	bindParallel(cmd.Flags(), &parallel, "units")
	cmd.Flags().BoolVar(&opts.NoProof, "no-proof", false, "store no proof: the store is only read")
	store.bind(cmd.Flags())
	return cmd
}

// damaged prints what a verification found, and returns the error of the program. err also has
// other failures, such as that of the proof.
func (a *app) damaged(at place, damage *backup.DamageError, err error) error {
	for i := range damage.Problems {
		p := &damage.Problems[i]
		if err := a.result(p, printed(p.Database+"."+p.Collection)+": "+printed(p.Object)+" is "+p.Reason+": "+
			printed(p.Detail)); err != nil {
			return err
		}
	}
	places := "places"
	if damage.Total == 1 {
		places = "place"
	}
	message := cli.Errorf("the backup %s is damaged in %s %s", damage.Run, cli.Count(damage.Total), places)
	if err != error(damage) {
		message = cli.Errorf("%w: %w", message, a.explain(at, err))
	}
	return cli.WithCode(message, exitDamaged)
}

// drill is the depth of [backup.View.Drill].
const drill = "drill"

// exitDamaged is the exit code of a verification that found damage.
const exitDamaged = 5
