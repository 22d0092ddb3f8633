package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
)

func (a *app) prune() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	var rules backup.Retention
	var opts backup.PruneOptions
	var zone string
	cmd := &cobra.Command{
		Use:   "prune REPO",
		Short: "Delete backups by rule",
		Long: `prune deletes the backups that no rule keeps. A backup that any rule keeps stays, and one that is protected
(Object Lock) stays until that ends. Before the first deletion, a proof must say that the newest backup was read as
a whole, after the last verification that found damage: see verify. The data is deleted by sweep, a week later. prune
needs no key that reads.`,
		Example: `  millweir prune ./repo --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --signing-key sign.key --dry-run`,
		Args:    a.takesRepo(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rules == (backup.Retention{AtLeast: rules.AtLeast}) {
				return cli.Usagef("no rule: give --keep-last, --keep-daily, --keep-weekly, --keep-monthly, --keep-yearly or " +
					"--keep-within")
			}
			if min(rules.Last, rules.Daily, rules.Weekly, rules.Monthly, rules.Yearly, rules.AtLeast) < 0 ||
				rules.Within < 0 {
				return cli.Usagef("a --keep flag is negative")
			}
			var err error
			if rules.Location, err = time.LoadLocation(zone); err != nil {
				return cli.Usagef("--time-zone %q is not known: want a name such as Europe/Berlin", zone)
			}
			location, _ := a.repoAndRest(args)
			r, at, err := a.open(cmd.Context(), location, &store, &keys)
			if err != nil {
				return err
			}
			pruned, err := r.Prune(cmd.Context(), rules, &opts)
			a.warnWeaker(pruned.Weaker)
			if err != nil && len(pruned.Deleted) == 0 {
				return a.explain(at, err)
			}
			return errors.Join(a.explain(at, err), a.printPruned(&pruned, opts.DryRun))
		},
	}
	keys.bindReader(cmd.Flags())
	flags := cmd.Flags()
	flags.IntVar(&rules.Last, "keep-last", 0, "keep the newest `N`")
	flags.IntVar(&rules.Daily, "keep-daily", 0, "keep the newest of each of the last `N` days that have one")
	flags.IntVar(&rules.Weekly, "keep-weekly", 0, "the same for weeks")
	flags.IntVar(&rules.Monthly, "keep-monthly", 0, "the same for months")
	flags.IntVar(&rules.Yearly, "keep-yearly", 0, "the same for years")
	flags.Var((*timeFlag)(&rules.Within), "keep-within",
		"keep all that are younger than this `TIME`, such as 48h or 30d")
	flags.IntVar(&rules.AtLeast, "keep-at-least", 1, "keep the newest `N` whatever the other rules say")
	flags.StringVar(&zone, "time-zone", "UTC", "the time `ZONE` in which days begin")
	flags.BoolVar(&opts.Unverified, "unverified", false,
		"delete although nothing proves that the newest backup can be read")
	flags.BoolVar(&opts.DryRun, "dry-run", false, "print what would be deleted, and delete nothing")
	store.bind(flags)
	return cmd
}

// printPruned prints what was deleted and kept, also before a failure.
func (a *app) printPruned(p *backup.Pruned, dryRun bool) error {
	all := *p
	if all.Kept == nil {
		all.Kept = []backup.Kept{}
	}
	if all.Deleted == nil {
		all.Deleted = []string{}
	}
	return a.result(struct {
		Kind   string `json:"kind"`
		DryRun bool   `json:"dryRun"`
		backup.Pruned
	}{"prune", dryRun, all}, prunedText(p, dryRun))
}

func prunedText(p *backup.Pruned, dryRun bool) string {
	var s strings.Builder
	for _, k := range p.Kept {
		fmt.Fprintf(&s, "kept     %s  %s\n", k.Run, strings.Join(k.Rules, ", "))
	}
	word := "deleted "
	if dryRun {
		word = "would go"
	}
	for _, run := range p.Deleted {
		fmt.Fprintf(&s, "%s %s\n", word, run)
	}
	return s.String()
}

func (a *app) sweep() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	opts := backup.SweepRepositoryOptions{}
	cmd := &cobra.Command{
		Use:   "sweep REPO",
		Short: "Delete what no backup needs",
		Long: `sweep deletes the data of backups that were pruned more than a week ago, what failed or killed runs left more than a
week ago, and unfinished uploads. It needs no key that reads. If there is no backup, not even a deleted one, it deletes
no data without --without-backups: a disk that is not mounted looks the same.`,
		Example: `  millweir sweep ./repo --trust sign.key.pub --dry-run`,
		Args:    a.takesRepo(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			location, _ := a.repoAndRest(args)
			r, at, err := a.open(cmd.Context(), location, &store, &keys)
			if err != nil {
				return err
			}
			var failed error
			opts.OnObject = func(o backup.Object) {
				if failed == nil && opts.DryRun {
					failed = a.result(struct {
						Kind     string    `json:"kind"`
						Key      string    `json:"key"`
						Size     int64     `json:"size"`
						Modified time.Time `json:"modified"`
					}{"object", o.Key, o.Size, o.Modified}, printed(o.Key))
				}
			}
			t := &tracked{retries: &a.retries, words: a.program.Words}
			opts.Progress = t.event
			stop := func() {}
			if !opts.DryRun { // it prints lines of its own
				stop = a.program.Watch(t)
			}
			swept, err := cli.Protect(func() (backup.Swept, error) { return r.Sweep(cmd.Context(), &opts) })
			stop()
			verb := "deleted"
			if opts.DryRun {
				verb = "would delete"
			}
			if failed = errors.Join(a.explain(at, err), failed); failed != nil && swept == (backup.Swept{}) {
				return failed
			}
			return errors.Join(failed, a.result(struct {
				Kind   string `json:"kind"`
				DryRun bool   `json:"dryRun"`
				backup.Swept
			}{"sweep", opts.DryRun, swept}, fmt.Sprintf("%s %s objects (%s) and %s unfinished ones", verb,
				cli.Count(swept.Objects), cli.Bytes(swept.Bytes), cli.Count(swept.Unfinished))))
		},
	}
	keys.bindReader(cmd.Flags())
	cmd.Flags().BoolVar(&opts.DryRun, "dry-run", false, "print what would be deleted, and delete nothing")
	cmd.Flags().BoolVar(&opts.WithoutBackups, "without-backups", false,
		"delete data also if there is no backup, as after a copy that was killed")
	store.bind(cmd.Flags())
	return cmd
}
