package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/source/mongosource"
)

// backupFlags are the flags of what is backed up, and how.
type backupFlags struct {
	opts        backup.Options
	filters     []string
	consistency string
	encoding    string
	retain      time.Duration
	parallel    int
	resume      string
}

func (b *backupFlags) bind(flags *pflag.FlagSet) {
	o := &b.opts
	flags.StringArrayVar(&o.Select.Include, "include", nil,
		"a `PATTERN` of collections to keep: shop, shop.orders, shop.log_*; may be repeated (default: all)")
	flags.StringArrayVar(&o.Select.Exclude, "exclude", nil, "a `PATTERN` of collections to leave out; may be repeated")
	flags.StringArrayVar(&b.filters, "filter", nil,
		"`NAMESPACE=FILTER`: only the documents of a collection that match, in Extended JSON; may be repeated")
	flags.BoolVar(&o.Select.Users, "users", false, "also keep the users, without their passwords")
	flags.BoolVar(&o.Select.Roles, "roles", false, "also keep the roles")
	flags.StringVar(&o.Label, "label", "", "a `TEXT` for the list of backups; it is not encrypted")
	flags.StringVar(&b.consistency, "consistency", "fuzzy",
		"the weakest `LEVEL` that is accepted: fuzzy, per-range (each range at one time) or instant (all at one time)")
	flags.StringVar(&b.encoding, "encoding", string(backup.JSONGzip),
		"`ENCODING` of new segments: jsonl.gz, jsonl.zst, bson.gz or bson.zst")
	flags.StringVar(&o.Parent, "parent", "",
		"reuse unchanged segments of this `BACKUP` (default: the newest that fits)")
	flags.BoolVar(&o.NoReuse, "no-reuse", false, "store everything again")
	bindRetain(flags, &b.retain)
	flags.BoolVar(&o.AllowMissing, "allow-missing", false,
		"make a backup although a pattern selects nothing, or a collection cannot be read")
	flags.BoolVar(&o.AllowEmpty, "allow-empty", false, "make a backup although there is no document")
	bindParallel(flags, &b.parallel, "units")
	flags.StringVar(&b.resume, "resume", "", "go on with the unfinished `RUN` that the output of a backup named")
}

// checkResume refuses flags of the command line that --resume would ignore: an unfinished run keeps the
// options that it began with.
func (b *backupFlags) checkResume(flags *pflag.FlagSet, filled map[string]bool) (err error) {
	if b.resume == "" {
		return nil
	}
	own := pflag.NewFlagSet("backup", pflag.ContinueOnError)
	(&backupFlags{}).bind(own)
	own.VisitAll(func(f *pflag.Flag) {
		if f.Name != "resume" && f.Name != "parallel" && flags.Changed(f.Name) && !filled[f.Name] {
			err = cli.Usagef("--resume contradicts --%s: the run keeps the options that it began with", f.Name)
		}
	})
	return err
}

// encodings are the values of --encoding.
var encodings = []backup.Encoding{backup.JSONGzip, backup.JSONZstd, backup.BSONGzip, backup.BSONZstd}

// options returns the options of the flags.
func (b *backupFlags) options() (*backup.Options, error) {
	o := &b.opts
	o.Encoding = backup.Encoding(b.encoding)
	if !slices.Contains(encodings, o.Encoding) {
		return nil, cli.Usagef("--encoding %q is none of jsonl.gz, jsonl.zst, bson.gz and bson.zst", b.encoding)
	}
	switch b.consistency {
	case "fuzzy":
		o.Consistency = mongosource.Fuzzy
	case "per-range":
		o.Consistency = mongosource.PerRange
	case "instant":
		o.Consistency = mongosource.Instant
	default:
		return nil, cli.Usagef("--consistency %q is none of fuzzy, per-range and instant", b.consistency)
	}
	var err error
	if o.RetainUntil, err = retainUntil(b.retain); err != nil {
		return nil, err
	}
	for _, text := range b.filters {
		name, filter, ok := strings.Cut(text, "=")
		database, collection, dotted := strings.Cut(name, ".")
		var d bson.D
		if !ok || !dotted || !json.Valid([]byte(filter)) || bson.UnmarshalExtJSON([]byte(filter), false, &d) != nil ||
			d == nil { // null
			return nil, cli.Usagef("--filter wants NAMESPACE=FILTER, such as 'shop.orders={\"open\": true}'")
		}
		if o.Select.Filters == nil {
			o.Select.Filters = map[mongosource.Namespace]bson.D{}
		}
		o.Select.Filters[mongosource.Namespace{Database: database, Collection: collection}] = d
	}
	return o, nil
}

func (a *app) backup() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	var mongo mongoFlags
	var b backupFlags
	cmd := &cobra.Command{
		Use:   "backup REPO",
		Short: "Back up a deployment",
		Long: `backup stores the collections of a deployment, with their options and indexes. The backup exists when it is
complete, and not before. Segments that have not changed since the last backup are not stored again.

The machine that makes backups needs the signing key, and no key that reads. If backup is killed, --resume goes on where it
was; or begin another one.`,
		Example: `  millweir backup ./repo --signing-key sign.key
  millweir backup s3://backups/tenant-7 --signing-key sign.key --include shop --exclude 'shop.tmp_*' --retain 720h`,
		Args: a.takesRepo(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := b.checkResume(cmd.Flags(), a.filled); err != nil {
				return err
			}
			opts, err := b.options()
			if err != nil {
				return err
			}
			location, _ := a.repoAndRest(args)
			r, at, err := a.open(cmd.Context(), location, &store, &keys)
			if err != nil {
				return err
			}
			client, access, err := mongo.connect(cmd.Context(), a)
			if err != nil {
				return err
			}
			defer access.Disconnect(client)
			t := &tracked{verb: "stored"}
			opts.Progress = t.event
			planned := a.program.Waiting(cli.Textf("MongoDB, to plan the backup"))
			defer planned()
			if b.resume != "" {
				t.Job, err = r.Resume(cmd.Context(), client, b.resume, opts)
			} else {
				t.Job, err = r.Backup(cmd.Context(), client, opts)
			}
			run := ""
			if err == nil {
				run, err = runOf(cmd.Context(), t)
			}
			if isUnusable(err) && b.resume == "" {
				return cli.Errorf("%w: millweir list %s names each backup that cannot be used; --no-reuse makes a "+
					"backup without them", err, at.name)
			}
			if err != nil {
				return a.explainBackup(at, access, err)
			}
			planned()
			a.program.Done(cli.Textf("began the backup %s: if this is stopped, --resume %[1]s goes on", run), "began",
				"run", run)
			report, err := a.runJob(cmd.Context(), t, b.parallel)
			if err != nil {
				if len(b.filters) > 0 {
					err = access.ExplainFilter(err)
				}
				return unfinished(t, run, a.explainBackup(at, access, err))
			}
			c := &report.Counts
			return a.finished(cli.Textf("made the backup %s: %s (%s) of %s, %s stored, %s reused, in %s", report.Run,
				cli.Documents(c.Documents), cli.Bytes(c.Bytes), collections(c.Collections), cli.Bytes(c.Stored),
				cli.Bytes(c.Reused), report.Took.Round(10*time.Millisecond)), &report)
		},
	}
	keys.bindSigner(cmd.Flags())
	cmd.Flags().StringVar(&keys.identity, "identity", "",
		"a `FILE` of secret keys of age that read the repository: only without a signing key")
	mongo.bind(cmd.Flags())
	b.bind(cmd.Flags())
	store.bind(cmd.Flags())
	return cmd
}

// collections formats n collections.
func collections(n int64) string {
	if n == 1 {
		return "1 collection"
	}
	return cli.Count(n) + " collections"
}

// runOf returns the name of the run of a backup.
func runOf(ctx context.Context, t *tracked) (string, error) {
	units, err := t.Job.Units(ctx)
	if err != nil || len(units) == 0 {
		return "", err
	}
	return strings.TrimPrefix(units[0].Job, "backup "), nil
}

// unfinished adds to the error of a run what it left, and whether it can go on.
func unfinished(t *tracked, run string, err error) error {
	for _, final := range []error{
		backup.ErrTooOld, backup.ErrDeleted, backup.ErrNothing, mongosource.ErrCollectionChanged,
	} {
		if errors.Is(err, final) {
			return cli.Errorf("%w; no backup was made", err)
		}
	}
	if errors.As(err, new(*cli.UsageError)) {
		return cli.Errorf("%w; no backup was made", err)
	}
	if t.finishing.Load() {
		return cli.Errorf("%w; the backup %s may have been made: see millweir list; if it is not there, --resume %[2]s "+
			"goes on where it was", err, run)
	}
	return cli.Errorf("%w; no backup was made, and --resume %s goes on where it was", err, run)
}

// explainBackup adds to an error of a backup what to do about it.
func (a *app) explainBackup(at place, access *cli.Mongo, err error) error {
	switch {
	case errors.Is(err, backup.ErrNothing):
		return cli.Errorf("%w: correct --include and --exclude; --allow-missing and --allow-empty accept it", err)
	case errors.Is(err, backup.ErrNoKey):
		return cli.Errorf("%w: a backup needs --signing-key, or --identity: it reads its own plan", err)
	case errors.Is(err, mongosource.ErrCollectionChanged):
		return cli.Errorf("%w: run this again; --allow-missing leaves such a collection out", err)
	case errors.Is(err, mongosource.ErrNoSnapshot):
		return cli.Errorf("%w: --consistency fuzzy accepts that", err)
	case errors.Is(err, backup.ErrNoHold):
		return cli.Errorf("%w: leave --retain out, or make the bucket with Object Lock", err)
	}
	return a.explain(at, access.Explain(err))
}
