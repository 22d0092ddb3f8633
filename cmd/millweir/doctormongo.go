package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// maxSkew is how much the clocks of this machine and of MongoDB may differ.
const maxSkew = 5 * time.Minute

// deployment is a MongoDB deployment that is examined.
type deployment struct {
	*examination
	client    *mongo.Client
	access    *cli.Mongo
	databases []string
}

// mongo checks the deployment.
func (d *examination) mongo(ctx context.Context, flags *mongoFlags) {
	client, access, err := flags.connect(ctx, d.app)
	if err != nil {
		d.check("MongoDB", err, "")
		return
	}
	defer access.Disconnect(client)
	m := &deployment{examination: d, client: client, access: access}
	m.server(ctx)
	m.databases, err = stream.Run(ctx, mongosource.Databases(client, nil), sink.Slice[string]())
	d.check("databases", access.Explain(err), fmt.Sprintf("the user may list them: %d", len(m.databases)))
	if err != nil {
		return // the other checks need databases
	}
	m.rights(ctx)
	m.snapshot(ctx)
}

// command runs a command of the database admin, and decodes its reply into v.
func (m *deployment) command(ctx context.Context, command bson.D, v any) error {
	return m.client.Database("admin").RunCommand(ctx, command).Decode(v)
}

// server checks the kind of the server and its clock.
func (m *deployment) server(ctx context.Context) {
	var hello struct {
		SetName   string    `bson:"setName"`
		Message   string    `bson:"msg"`
		LocalTime time.Time `bson:"localTime"`
	}
	var build struct {
		Version string `bson:"version"`
	}
	err := m.command(ctx, bson.D{{Key: "hello", Value: 1}}, &hello)
	if err == nil {
		err = m.command(ctx, bson.D{{Key: "buildInfo", Value: 1}}, &build)
	}
	kind := "a single server, which has no snapshots of several collections"
	switch {
	case hello.Message == "isdbgrid":
		kind = "a sharded cluster"
	case hello.SetName != "":
		kind = "the replica set " + printed(hello.SetName)
	}
	m.check("MongoDB", m.access.Explain(err), fmt.Sprintf("%s, version %s", kind, printed(build.Version)))
	if err != nil {
		return
	}
	skew := time.Since(hello.LocalTime).Abs()
	if skew > maxSkew {
		err = cli.Errorf("the clocks of MongoDB and of this machine differ by %v: set them", skew.Round(time.Second))
	}
	m.check("clock", err, fmt.Sprintf("it differs from that of MongoDB by %v", skew.Round(time.Second)))
}

// rights checks what the user may do. It is no error if the user may not restore: one that only
// makes backups need not.
func (m *deployment) rights(ctx context.Context) {
	var status connectionStatus
	err := m.command(ctx, bson.D{{Key: "connectionStatus", Value: 1}, {Key: "showPrivileges", Value: true}}, &status)
	var refused mongo.CommandError
	switch {
	case errors.As(err, &refused) && refused.Code != 0: // 0 is a broken connection
		m.skip("rights", "the server does not say what the user may do: "+printed(refused.Message))
		return
	case err != nil:
		m.check("rights", m.access.Explain(err), "")
		return
	case len(status.Info.Users) == 0:
		m.skip("rights", "the server asks for no user, so everyone may do everything")
		return
	case len(status.Info.Roles) > 0 && len(status.Info.Privileges) == 0: // a compatible server
		m.skip("rights", "the server names the roles of the user, and not what they allow")
		return
	case len(m.databases) == 0:
		m.skip("rights", "there is no database")
		return
	}
	lacks := m.lacks(status.Info.Privileges, backupActions)
	if lacks != "" {
		err = cli.Errorf("the user may not do everything that a backup needs: %s: grant it the role backup", lacks)
	}
	m.check("backup", err, "the user may read everything")
	if lacks := m.lacks(status.Info.Privileges, restoreActions); lacks != "" {
		m.skip("restore", "the user may not restore, which is right if it only makes backups: "+lacks)
		return
	}
	m.check("restore", nil, "the user may restore into each of these databases")
	if lacks := m.lacks(status.Info.Privileges, validatorActions); lacks != "" {
		m.skip("validators", "the user may not restore collections with a validator or a time limit, "+
			"which needs the role restore or dbAdmin: "+lacks)
	}
}

// lacks returns which of the actions the user may not do in which databases, or "".
func (m *deployment) lacks(privileges []privilege, actions []string) string {
	const most = 5
	var all []string
	for _, name := range m.databases {
		if lacks := missing(privileges, name, actions); len(lacks) > 0 {
			all = append(all, printed(name)+": "+strings.Join(lacks, ", "))
		}
	}
	if len(all) > most {
		all = append(all[:most], fmt.Sprintf("and %d more databases", len(all)-most))
	}
	return strings.Join(all, "; ")
}

// snapshot reads a collection at one time. It is no error if the server cannot do this: the
// manifest says how consistent a backup is.
func (m *deployment) snapshot(ctx context.Context) {
	coll, err := m.someCollection(ctx)
	switch {
	case err != nil:
		m.check("snapshot", m.access.Explain(err), "")
		return
	case coll == nil:
		m.skip("snapshot", "there is no collection to read")
		return
	}
	_, err = mongosource.SnapshotTime(ctx, coll)
	if errors.Is(err, mongosource.ErrNoSnapshot) {
		m.skip("snapshot", "the server has no snapshot reads: a backup is not of one instant, and its report warns "+
			"of that")
		return
	}
	m.check("snapshot", m.access.Explain(err), "the server reads at one time: a backup can be of one instant")
}

// someCollection returns a collection that is not a view, or nil if there is none.
func (m *deployment) someCollection(ctx context.Context) (*mongo.Collection, error) {
	for _, name := range m.databases {
		db := m.client.Database(name)
		first := stream.Via2(mongosource.Collections(db, nil),
			stream.Filter(func(c mongosource.Collection) bool { return c.Kind == mongosource.KindPlain }),
			stream.Take[mongosource.Collection](1))
		found, err := stream.Run(ctx, first, sink.Slice[mongosource.Collection]())
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			return db.Collection(found[0].Name), nil
		}
	}
	return nil, nil
}
