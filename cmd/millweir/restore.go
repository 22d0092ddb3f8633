package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// restoreFlags are the flags of what is restored, and where.
type restoreFlags struct {
	opts     backup.RestoreOptions
	renames  []string
	from, to idFlag
	erase    []string
	parallel int
}

func (f *restoreFlags) bind(flags *pflag.FlagSet) {
	o := &f.opts
	flags.StringArrayVar(&o.Include, "include", nil,
		"a `PATTERN` of collections to restore; may be repeated (default: all)")
	flags.StringArrayVar(&o.Exclude, "exclude", nil, "a `PATTERN` of collections to leave out; may be repeated")
	flags.StringArrayVar(&f.renames, "rename", nil,
		"`FROM=TO`: 'shop=shop2' restores into another database, 'shop.*=test.old_*' renames; may be repeated")
	flags.Var(&f.from, "from", "restore from this `_ID` on, in Extended JSON")
	flags.Var(&f.to, "to", "restore up to this `_ID`, without it")
	flags.StringArrayVar(&f.erase, "erase", nil,
		"`NAMESPACE=_ID` of a document that must not come back, in Extended JSON; may be repeated")
	flags.BoolVar(&o.DropTarget, "replace", false,
		"replace collections that exist; with --from or --to they have only the documents of that range afterwards")
	flags.BoolVar(&o.Merge, "merge", false, "add the documents that are missing to collections that exist")
	flags.BoolVar(&o.Roles, "roles", false, "restore the roles")
	bindParallel(flags, &f.parallel, "collections")
}

// options returns the options of the flags.
func (f *restoreFlags) options() (*backup.RestoreOptions, error) {
	o := &f.opts
	o.From, o.To = f.from.bound(), f.to.bound()
	if o.DropTarget && o.Merge {
		return nil, cli.Usagef("--replace contradicts --merge")
	}
	for _, text := range f.renames {
		from, to, ok := strings.Cut(text, "=")
		if !ok {
			return nil, cli.Usagef("--rename wants FROM=TO, such as shop=shop2")
		}
		o.Renames = append(o.Renames, backup.RenameRule{From: from, To: to})
	}
	return o, f.addErased(o)
}

// addErased adds the documents of --erase.
func (f *restoreFlags) addErased(o *backup.RestoreOptions) error {
	if len(f.erase) == 0 {
		return nil
	}
	ids := map[mongosource.Namespace][]any{}
	for _, text := range f.erase {
		name, id, ok := strings.Cut(text, "=")
		database, collection, dotted := strings.Cut(name, ".")
		value, err := parseID(id)
		if !ok || !dotted || err != nil {
			return cli.Usagef("--erase wants NAMESPACE=_ID, such as 'shop.people={\"$oid\": \"…\"}'")
		}
		ns := mongosource.Namespace{Database: database, Collection: collection}
		ids[ns] = append(ids[ns], value)
	}
	o.EraseIDs = ids
	return nil
}

func (a *app) restore() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	var mongo mongoFlags
	var f restoreFlags
	cmd := &cobra.Command{
		Use:   "restore REPO " + backupName,
		Short: "Restore a backup, or a part of it",
		Long: `restore makes the collections of a backup, by default of the newest, with their options and indexes. Nothing is
visible under the names of the targets before everything is proven. A collection that exists is refused, unless it has
exactly these documents already, or --replace or --merge is given. If restore is stopped by a signal, it removes what it
prepared and has not made visible. If it fails or is killed, what it prepared stays: run it again, and it goes on.`,
		Example: `  millweir restore ./repo --identity me.txt --rename shop=shop_test
  millweir restore ./repo latest --identity me.txt --include shop.orders --replace`,
		Args: a.takesRepo(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := f.options()
			if err != nil {
				return err
			}
			v, at, _, err := a.view(cmd, args, &store, &keys)
			if err != nil {
				return err
			}
			client, access, err := mongo.connect(cmd.Context(), a)
			if err != nil {
				return err
			}
			defer access.Disconnect(client)
			t := &tracked{verb: "restored"}
			opts.Progress = t.event
			t.Job = v.Restore(client, opts)
			report, err := a.runJob(cmd.Context(), t, f.parallel)
			if errors.Is(err, backup.ErrMetadata) {
				return errors.Join(a.explainRestore(at, access, err),
					a.finished(restoredText(&report, t.Job.(backup.Targeter).Targets()), &report))
			}
			if err != nil {
				return failedRestore(cmd.Context(), t, a.explainRestore(at, access, err))
			}
			f.warnOfErased(a, report.Counts.Erased)
			return a.finished(restoredText(&report, t.Job.(backup.Targeter).Targets()), &report)
		},
	}
	keys.bindReader(cmd.Flags())
	mongo.bind(cmd.Flags())
	f.bind(cmd.Flags())
	store.bind(cmd.Flags())
	return cmd
}

// warnOfErased warns if documents of --erase were not in the backup.
func (f *restoreFlags) warnOfErased(a *app, erased int64) {
	if given := int64(len(f.erase)); erased < given {
		a.program.Warn(cli.Textf("%s of the %s documents of --erase were in what was restored", cli.Count(erased),
			cli.Count(given)), "fewer erased", "erased", erased, "given", given)
	}
}

// restoredText says what was restored, and where.
func restoredText(report *backup.Report, targets []mongosource.Namespace) *cli.Text {
	c := &report.Counts
	more := ""
	if c.Erased > 0 {
		more += ", " + cli.Count(c.Erased) + " erased"
	}
	if c.AlreadyThere > 0 {
		more += ", " + collections(c.AlreadyThere) + " already there"
	}
	return cli.Textf("restored %s (%s) of %s of the backup %s into %s%s, in %s", cli.Documents(c.Documents),
		cli.Bytes(c.Bytes), collections(c.Collections), report.Run, targetsText(targets), more,
		report.Took.Round(10*time.Millisecond))
}

// targetsText names a collection, or the databases of several.
func targetsText(targets []mongosource.Namespace) string {
	if len(targets) == 1 {
		return printed(targets[0].String())
	}
	var names []string
	for _, t := range targets {
		names = append(names, printed(t.Database))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if most := 5; len(names) > most {
		names = append(names[:most], fmt.Sprintf("%d more databases", len(names)-most))
	}
	return strings.Join(names, ", ")
}

// How long the removal of prepared collections may take: after a failure, and after a signal.
const (
	abandonTime        = 10 * time.Second
	abandonStoppedTime = 3 * time.Second // less than 5 s in all, also if the server does not answer
)

// againHelps reports whether a job that failed may succeed if it is run again.
func againHelps(err error) bool {
	switch stream.ClassOf(err) {
	case stream.Retryable, stream.Throttled, stream.Canceled, stream.UnknownOutcome:
		return true
	}
	return false
}

// failedRestore adds to the error of a restore what it left. If a signal stopped the job, or it
// refuses a target or the backup after it has begun, the prepared collections are removed. After
// other failures they stay: the next run uses them.
func failedRestore(ctx context.Context, t *tracked, err error) error {
	refused := errors.Is(err, backup.ErrTargetExists) || errors.Is(err, backup.ErrDamaged)
	job, ok := t.Job.(backup.Abandoner)
	switch prepared := ok && t.prepared.Load(); {
	case ctx.Err() != nil && prepared:
		return abandonStopped(ctx, t, job, err)
	case t.finishing.Load():
		err = cli.Errorf("%w; some collections may be visible already: run this again to go on", err)
		if !refused || !prepared {
			return err
		}
	case ctx.Err() != nil, againHelps(err):
		return cli.Errorf("%w; run this again to go on", err)
	case !refused, !prepared:
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonTime)
	defer cancel()
	if left := job.Abandon(ctx); left != nil {
		return cli.Errorf("%w; what was prepared could not be removed: %w", err, left)
	}
	return err
}

// abandonStopped removes the prepared collections of a restore that a signal has stopped.
func abandonStopped(ctx context.Context, t *tracked, job backup.Abandoner, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonStoppedTime)
	defer cancel()
	if left := job.Abandon(ctx); left != nil {
		return cli.Errorf("%w; what was prepared could not be removed: %w; run this again to go on", err, left)
	}
	if t.finishing.Load() {
		return cli.Errorf("%w; the rest of what was prepared was removed; some collections may be visible already: "+
			"run this again to go on", err)
	}
	return cli.Errorf("%w; what was prepared was removed, and nothing is visible", err)
}

// explainRestore adds to an error of a restore what to do about it.
func (a *app) explainRestore(at place, access *cli.Mongo, err error) error {
	if errors.Is(err, backup.ErrTargetExists) {
		return cli.Errorf("%w: choose another name with --rename, or say --replace or --merge", err)
	}
	if errors.Is(err, mongosink.ErrConflict) {
		return cli.Errorf("%w: --merge keeps such a document and ends: choose another name with --rename, or say "+
			"--replace", err)
	}
	if errors.Is(err, backup.ErrDamaged) || errors.Is(err, backup.ErrNotFound) {
		return cli.Errorf("%w: millweir verify %s names everything that is damaged; restore another backup or a copy, "+
			"or leave such collections out with --exclude", err, at.name)
	}
	return a.explain(at, access.Explain(err))
}

// idText returns an _id as Extended JSON.
func idText(id bson.RawValue) string {
	if id.IsZero() {
		return ""
	}
	text, err := bson.MarshalExtJSON(bson.D{{Key: "_id", Value: id}}, true, false)
	if err != nil {
		return "an _id that is no BSON"
	}
	return string(text)
}
