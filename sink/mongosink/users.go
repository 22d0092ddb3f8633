package mongosink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/stream"
)

// CreateAccessResult counts users or roles.
type CreateAccessResult struct {
	Created  int64
	Existing int64 // were there before, with the same rights
}

// AccessConflictError says that a user or a role exists, with other rights than it should have.
type AccessConflictError struct {
	Name   string   // database and name
	Fields []string // that differ
}

// Error names the user or the role, and the fields.
func (e *AccessConflictError) Error() string {
	return fmt.Sprintf("%s exists, with other %s", printable.Text(e.Name), strings.Join(e.Fields, ", "))
}

// Class returns Fatal.
func (e *AccessConflictError) Class() stream.Class { return stream.Fatal }

// CreateUsers returns a sink that creates users with new passwords, which password returns.
//
//   - In: descriptions as usersInfo gives them (mongosource.Users). Of their fields, user, db, roles,
//     customData, mechanisms and authenticationRestrictions are used. The roles must exist: see
//     [CreateRoles].
//   - Result: the counts of [CreateAccessResult], also with an error.
//   - Existing users: one with the same roles and customData is left alone, with its password. Any
//     other ends the run with an [*AccessConflictError].
//   - Errors: those of password; [ErrBadDescription]; the server's refusal; [ErrOutcomeUnknown].
//     Created users stay. No error has a password.
//   - Limits: no command of a server takes the hash of a password, so old passwords are lost. To
//     keep them, copy admin.system.users with mongodump and mongorestore, which use an internal
//     command. A user of the database $external has no password, and password is not called.
func CreateUsers(
	client *mongo.Client, password func(db, user string) (string, error),
) stream.Sink[bson.Raw, CreateAccessResult] {
	type descriptions = stream.Source[bson.Raw]
	return stream.SinkFunc[bson.Raw, CreateAccessResult](
		func(ctx context.Context, src descriptions) (CreateAccessResult, error) {
			c := &accessCreation{client: client, kind: userKind}
			switch {
			case client == nil:
				return c.result, stream.Mark(errors.New("mongosink: create users: the client is nil"), stream.Fatal)
			case password == nil:
				return c.result,
					stream.Mark(errors.New("mongosink: create users: there is no function for the passwords"),
						stream.Fatal)
			}
			err := guarded.EachAtOnce(ctx, src, func(description bson.Raw) error {
				return c.create(ctx, description, password)
			})
			return c.result, err
		})
}

// CreateRoles returns a sink that creates roles that users defined, each after the roles that it
// inherits from.
//
//   - In: descriptions as rolesInfo gives them (mongosource.Roles). Of their fields, role, db,
//     privileges, roles and authenticationRestrictions are used.
//   - Result: the counts of [CreateAccessResult], also with an error.
//   - Memory: all descriptions.
//   - Existing roles: one with the same privileges and roles is left alone. Any other ends the run
//     with an [*AccessConflictError].
//   - Errors: [ErrBadDescription]; the server's refusal; [ErrOutcomeUnknown]. Created roles stay.
func CreateRoles(client *mongo.Client) stream.Sink[bson.Raw, CreateAccessResult] {
	type descriptions = stream.Source[bson.Raw]
	return stream.SinkFunc[bson.Raw, CreateAccessResult](
		func(ctx context.Context, src descriptions) (CreateAccessResult, error) {
			c := &accessCreation{client: client, kind: roleKind}
			if client == nil {
				return c.result, stream.Mark(errors.New("mongosink: create roles: the client is nil"), stream.Fatal)
			}
			var waiting []bson.Raw
			err := src.Each(ctx, func(description bson.Raw) error {
				waiting = append(waiting, description)
				return nil
			})
			if err != nil {
				return c.result, err
			}
			err = c.createInOrder(ctx, waiting)
			return c.result, err
		})
}

// createInOrder creates roles. One that inherits from a role that does not exist waits for the
// others.
func (c *accessCreation) createInOrder(ctx context.Context, waiting []bson.Raw) error {
	const roleNotFound = 31
	for {
		var later []bson.Raw
		var missing error
		for _, description := range waiting {
			err := c.create(ctx, description, nil)
			if codeOf(err) != roleNotFound {
				if err != nil {
					return err
				}
				continue
			}
			missing, later = err, append(later, description)
		}
		if len(later) == 0 || len(later) == len(waiting) {
			return missing
		}
		waiting = later
	}
}

// accessKind says how users, or roles, are created and described.
type accessKind struct {
	word, create, info string   // commands
	list               string   // the field of the reply to info
	name               string   // the field with the name
	used               []string // fields that the command takes
	compared           []string // fields in which an existing one must be the same
}

var (
	userKind = accessKind{
		"user", "createUser", "usersInfo", "users", "user",
		[]string{"roles", "customData", "mechanisms", "authenticationRestrictions"},
		[]string{"roles", "customData"},
	}
	roleKind = accessKind{
		"role", "createRole", "rolesInfo", "roles", "role",
		[]string{"privileges", "roles", "authenticationRestrictions"},
		[]string{"privileges", "roles"},
	}
)

// accessCreation is one run of [CreateUsers] or [CreateRoles].
type accessCreation struct {
	client *mongo.Client
	kind   accessKind
	result CreateAccessResult
}

// create creates a user or a role, unless there is the same. password is nil for a role.
func (c *accessCreation) create(
	ctx context.Context, description bson.Raw, password func(db, user string) (string, error),
) error {
	fail := func(err error) error { return fmt.Errorf("mongosink: create %s: %w", c.kind.word, err) }
	name, hasName := description.Lookup(c.kind.name).StringValueOK()
	db, hasDB := description.Lookup("db").StringValueOK()
	if !hasName || !hasDB || name == "" || db == "" || description.Validate() != nil {
		return fail(fmt.Errorf("%w of a %s: it has no %s or db", ErrBadDescription, c.kind.word, c.kind.name))
	}
	have, err := c.lookUp(ctx, db, name)
	switch {
	case err != nil:
		return cancelCause(ctx, fail(err))
	case have != nil:
		if differ := c.differences(description, have); len(differ) > 0 {
			return fail(&AccessConflictError{Name: db + "." + name, Fields: differ})
		}
		c.result.Existing++
		return nil
	}
	command := bson.D{{Key: c.kind.create, Value: name}}
	if password != nil && db != "$external" {
		secret, err := password(db, name)
		if err != nil {
			return err
		}
		command = append(command, bson.E{Key: "pwd", Value: secret})
	}
	elements, _ := description.Elements() // of a document that was checked
	for _, e := range elements {
		if slices.Contains(c.kind.used, e.Key()) && !isEmptyList(e.Value(), e.Key()) {
			command = append(command, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	s := step{
		what: c.kind.create + " " + printable.Text(db+"."+name), db: c.client.Database(db), command: command,
		settle: defaultSettle,
		tookEffect: func(ctx context.Context) (bool, error) {
			have, err := c.lookUp(ctx, db, name)
			return have != nil && len(c.differences(description, have)) == 0, err
		},
	}
	if err := s.run(ctx); err != nil {
		return cancelCause(ctx, fail(err))
	}
	c.result.Created++
	return nil
}

// isEmptyList reports whether a field is an empty list of restrictions, which some servers do not
// accept.
func isEmptyList(v bson.RawValue, field string) bool {
	list, isArray := v.ArrayOK()
	return field == "authenticationRestrictions" && isArray && len(list) <= len("\x05\x00\x00\x00\x00")
}

// lookUp returns the description of a user or a role, or nil if there is none.
func (c *accessCreation) lookUp(ctx context.Context, db, name string) (found bson.Raw, err error) {
	command := bson.D{{Key: c.kind.info, Value: bson.D{{Key: c.kind.name, Value: name}, {Key: "db", Value: db}}}}
	if c.kind.list == "roles" {
		command = append(command, bson.E{Key: "showPrivileges", Value: true})
	}
	err = ask(ctx, func(ctx context.Context) error {
		reply, err := c.client.Database(db).RunCommand(ctx, command).Raw()
		if err != nil {
			return err
		}
		list, _ := reply.Lookup(c.kind.list).ArrayOK()
		values, err := list.Values()
		if len(list) > 0 && err == nil && len(values) > 0 {
			found, _ = values[0].DocumentOK()
		}
		return nil
	})
	return found, err
}

// differences returns the fields in which an existing user or role differs from the description.
func (c *accessCreation) differences(want, have bson.Raw) (differ []string) {
	for _, field := range c.kind.compared {
		if !slices.Equal(entries(want.Lookup(field)), entries(have.Lookup(field))) {
			differ = append(differ, field)
		}
	}
	return differ
}

// entries returns the entries of a list in a form that does not depend on their order, nor on the
// order of the actions of a privilege.
func entries(v bson.RawValue) (texts []string) {
	list, isArray := v.ArrayOK()
	if !isArray {
		if v.IsZero() || v.Type == bson.TypeEmbeddedDocument && len(v.Value) <= len("\x05\x00\x00\x00\x00") {
			return nil // without customData is with an empty one
		}
		return []string{v.String()}
	}
	values, _ := list.Values()
	for _, entry := range values {
		var fields []string
		doc, _ := entry.DocumentOK()
		elements, _ := doc.Elements()
		for _, e := range elements {
			fields = append(fields, e.Key()+"="+strings.Join(sortedTexts(e.Value()), ","))
		}
		slices.Sort(fields)
		texts = append(texts, strings.Join(fields, ";"))
	}
	slices.Sort(texts)
	return texts
}

// sortedTexts returns the values of a list in order, or the one value that v is.
func sortedTexts(v bson.RawValue) []string {
	list, isArray := v.ArrayOK()
	values, err := list.Values()
	if !isArray || err != nil {
		return []string{v.String()}
	}
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = value.String()
	}
	slices.Sort(texts)
	return texts
}
