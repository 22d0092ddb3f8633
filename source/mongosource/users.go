package mongosource

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/mongowait"
	"github.com/millweir/millweir/stream"
)

// UsersOptions tunes [Users]. The zero value is ready to use.
type UsersOptions struct {
	// Credentials also reads the salted hashes of the passwords (SCRAM). They are as secret as
	// passwords: encrypt what you store. No command of a server takes them back, and
	// mongosink.CreateUsers ignores them.
	Credentials bool
}

// Users returns a source of the users of a deployment, of all databases, as usersInfo describes
// them: _id, user, db, roles, customData, mechanisms and, if asked for, credentials.
//
//   - Memory: all users, which come in one reply, of at most 16 MiB.
//   - Errors: the driver's, wrapped; [ErrBadReply].
//   - Early end: a drain ends the source after the current user.
//   - Limits: the right viewUser on every database, as in the roles userAdminAnyDatabase and backup.
//     authenticationRestrictions are not among the fields: a server shows them for one user at a
//     time.
func Users(client *mongo.Client, opts *UsersOptions) stream.Source[bson.Raw] {
	o := UsersOptions{}
	if opts != nil {
		o = *opts
	}
	return listed(client, "users", bson.D{
		{Key: "usersInfo", Value: bson.D{{Key: "forAllDBs", Value: true}}},
		{Key: "showCredentials", Value: o.Credentials},
	})
}

// Roles returns a source of the roles that users of db defined, as rolesInfo describes them: _id,
// role, db, privileges, roles and inherited ones. Roles that can be used in every database are in
// admin.
//
//   - Memory: all roles of the database, which come in one reply, of at most 16 MiB.
//   - Errors: the driver's, wrapped; [ErrBadReply].
//   - Early end: a drain ends the source after the current role.
//   - Limits: the right viewRole on the database.
func Roles(db *mongo.Database) stream.Source[bson.Raw] {
	if db == nil {
		return stream.Fail[bson.Raw](stream.Mark(errors.New("mongosource: roles: the database is nil"), stream.Fatal))
	}
	return listedIn(db, "roles", bson.D{
		{Key: "rolesInfo", Value: 1},
		{Key: "showPrivileges", Value: true},
		{Key: "showBuiltinRoles", Value: false},
		{Key: "showAuthenticationRestrictions", Value: true},
	})
}

// listed returns a source of the documents in the reply to a command of the database admin.
func listed(client *mongo.Client, field string, command bson.D) stream.Source[bson.Raw] {
	if client == nil {
		return stream.Fail[bson.Raw](stream.Mark(
			fmt.Errorf("mongosource: %s: %w", field, errors.New("the client is nil")), stream.Fatal))
	}
	return listedIn(client.Database("admin"), field, command)
}

// listedIn returns a source of the documents in a field of the reply to a command.
func listedIn(db *mongo.Database, field string, command bson.D) stream.Source[bson.Raw] {
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		if drained(ctx) {
			return context.Cause(ctx)
		}
		docs, err := askForList(ctx, db, field, command)
		if err != nil {
			return err
		}
		for _, doc := range docs {
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case drained(ctx):
				return nil
			}
			if err := emit(doc); err != nil {
				return err
			}
		}
		return nil
	})
}

func askForList(ctx context.Context, db *mongo.Database, field string, command bson.D) (docs []bson.Raw, err error) {
	fail := func(err error) error { return fmt.Errorf("mongosource: %s: %w", field, err) }
	waiting, done := mongowait.WithoutDeadline(mongo.NewSessionContext(ctx, nil))
	defer done()
	var reply bson.Raw
	for range 2 { // the driver does not repeat the command
		err = guarded(func() (err error) {
			reply, err = db.RunCommand(waiting, command).Raw()
			return err
		})
		if err == nil || !mongoerr.Class(err).Transient() {
			break
		}
	}
	switch {
	case err != nil && ctx.Err() != nil && !mongoerr.Panicked(err):
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fail(mongoerr.Mark(err))
	}
	list, isArray := reply.Lookup(field).ArrayOK()
	values, err := list.Values()
	if !isArray || err != nil {
		return nil, fail(fmt.Errorf("%w: it has no %s", ErrBadReply, field))
	}
	for _, v := range values {
		doc, isDocument := v.DocumentOK()
		if !isDocument {
			return nil, fail(fmt.Errorf("%w: one of the %s is no document", ErrBadReply, field))
		}
		docs = append(docs, bytes.Clone(doc)) // each belongs to its receiver
	}
	return docs, nil
}
