package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

func (a *app) doctor() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	var mongo mongoFlags
	cmd := &cobra.Command{
		Use:   "doctor REPO",
		Short: "Check MongoDB, the store, the rights, the clock and the keys",
		Long: `doctor examines everything that a backup and a restore need, and says what is missing. In the store it
does what a backup does: it stores an object, tries to replace it, reads it and lists it. In S3 the object, .probe,
stays. In a directory it is deleted. It asks MongoDB what the user may do, and reads one collection. It names what it
cannot examine without a flag, such as the data without --identity. A right that only a pruner or a restore needs may
be missing.`,
		Example: `  millweir doctor ./repo --identity me.txt --signing-key sign.key`,
		Args:    a.takesRepo(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			location, _ := a.repoAndRest(args)
			d := &examination{app: a}
			d.repository(cmd.Context(), location, &store, &keys)
			d.mongo(cmd.Context(), &mongo)
			if err := context.Cause(cmd.Context()); err != nil {
				return err // without it, the output would look complete
			}
			if d.failed > 0 {
				return cli.Errorf("%d of %d checks failed", d.failed, d.checks)
			}
			return nil
		},
	}
	keys.bindReader(cmd.Flags())
	mongo.bind(cmd.Flags())
	store.bind(cmd.Flags())
	return cmd
}

// examination is one run of doctor.
type examination struct {
	*app
	checks, failed int
}

// finding is the result of a check, with --json.
type finding struct {
	Check   string `json:"check"`
	OK      bool   `json:"ok"`
	Skipped bool   `json:"skipped,omitempty"` // it was not made, so ok is false
	Text    string `json:"text"`
}

// check prints the result of a check.
func (d *examination) check(name string, err error, found string) {
	d.checks++
	mark := "ok     "
	if err != nil {
		d.failed++
		mark, found = "FAILED ", d.program.Words(err)
	}
	_ = d.result(finding{Check: name, OK: err == nil, Text: found}, fmt.Sprintf("%s %-11s %s", mark, name, found))
}

// skip prints why a check is not made.
func (d *examination) skip(name, why string) {
	_ = d.result(finding{Check: name, Skipped: true, Text: why}, fmt.Sprintf("skipped %-11s %s", name, why))
}

// storeProperties checks each property of the store.
func (d *examination) storeProperties(ctx context.Context, at place) error {
	examiner, ok := at.store.(backup.Examiner)
	if !ok {
		d.skip("store", "nothing was stored to try it")
		return nil
	}
	return examiner.Examine(ctx, func(f backup.Finding) { d.check(f.Name, d.explain(at, f.Err), f.Text) })
}

// repository checks the store and the keys.
func (d *examination) repository(ctx context.Context, location string, store *storeFlags, keys *keyFlags) {
	loaded, err := keys.load()
	if err != nil {
		d.check("keys", err, "")
		return
	}
	at, err := d.store(ctx, location, store)
	if err != nil {
		d.check("store", err, "")
		return
	}
	if err := d.storeProperties(ctx, at); err != nil {
		return
	}
	r, err := backup.Open(ctx, at.store, loaded)
	if d.check("repository", d.explain(at, err), at.name); err != nil {
		return
	}
	n, err := stream.Run(ctx, r.List(), sink.Discard[backup.Manifest]())
	d.check("backups", d.explain(at, err), fmt.Sprintf("%d complete", n))
	if len(loaded.Identities) == 0 {
		d.skip("identity", "without --identity nothing is known about reading the data")
		return
	}
	err = r.CheckKeys(ctx)
	if errors.Is(err, backup.ErrPlain) {
		d.skip("identity", "the repository is not encrypted")
		return
	}
	d.check("identity", d.explain(at, err), "it reads all data")
}
