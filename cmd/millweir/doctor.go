package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/internal/cli"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

func (a *app) doctor() *cobra.Command {
	var store storeFlags
	var keys keyFlags
	var mongo mongoFlags
	cmd := &cobra.Command{
		Use:   "doctor REPO",
		Short: "Check MongoDB, the store, the rights, the clock and the keys",
		Long: `doctor looks at everything that a backup and a restore need, and says what is missing. In S3 it stores one small
object, .probe, which stays and needs the right to write; a directory is only read. It does not try whether the user of
MongoDB may read each collection. What it cannot look at without a flag, such as the data without --identity, it says.`,
		Example: `  millweir doctor ./repo --identity me.txt --signing-key sign.key`,
		Args:    a.takesRepo(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			location, _ := a.repoAndRest(args)
			d := &examination{app: a}
			d.repository(cmd.Context(), location, &store, &keys)
			d.mongo(cmd.Context(), &mongo)
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
	_ = d.result(finding{Check: name, OK: err == nil, Text: found}, fmt.Sprintf("%s %-10s %s", mark, name, found))
}

// skip prints why a check is not made.
func (d *examination) skip(name, why string) {
	_ = d.result(finding{Check: name, Skipped: true, Text: why}, fmt.Sprintf("skipped %-10s %s", name, why))
}

// maxSkew is how much the clocks of this machine and of the store may differ.
const maxSkew = 5 * time.Minute

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
	d.check("store", d.explain(at, at.examine(ctx)), at.name)
	if !strings.HasPrefix(location, "s3://") {
		d.skip("writing", "nothing was stored in the directory to try it")
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

// mongo checks the deployment.
func (d *examination) mongo(ctx context.Context, flags *mongoFlags) {
	client, access, err := flags.connect(ctx, d.app)
	if d.check("MongoDB", err, "it answers"); err != nil {
		return
	}
	defer access.Disconnect(client)
	names, err := stream.Run(ctx, mongosource.Databases(client, nil), sink.Slice[string]())
	d.check("databases", access.Explain(err), fmt.Sprintf("the user may list them: %d", len(names)))
	d.skip("reading", "the right to read each collection was not tried")
	var hello struct {
		LocalTime time.Time `bson:"localTime"`
	}
	err = client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
	skew := time.Since(hello.LocalTime).Abs()
	if err == nil && skew > maxSkew {
		err = cli.Errorf("the clocks of MongoDB and of this machine differ by %v: set them", skew.Round(time.Second))
	}
	d.check("clock", access.Explain(err), "it agrees with that of MongoDB")
}
