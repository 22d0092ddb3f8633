package backup

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// hiddenRoles is left out if the server does not say which databases have roles. It lists those that
// have collections.
var hiddenRoles = LeftOut{"admin", "system.roles", "the roles of databases without collections may not be listed"}

// roles returns a source of the roles that users have defined, of all databases.
func (w *unitRun) roles() stream.Source[bson.Raw] {
	return stream.SourceFunc[bson.Raw](func(ctx context.Context, emit func(bson.Raw) error) error {
		names, err := stream.Run(ctx, mongosource.Databases(w.client, &mongosource.DatabasesOptions{System: true}),
			sink.Slice[string]())
		if err != nil {
			return err
		}
		others, err := roleDatabases(ctx, w.client)
		if err != nil && !(rolesHidden(ctx, err) && slices.Contains(w.plan.LeftOut, hiddenRoles)) {
			return err
		}
		names = append(names, others...)
		slices.Sort(names)
		all := stream.Via(source.Slice(slices.Compact(names)),
			stream.ConcatMap(func(name string) stream.Source[bson.Raw] {
				return mongosource.Roles(w.client.Database(name))
			}))
		return all.Each(ctx, emit)
	})
}

// roleDatabases returns the databases that have roles, in the collection in which the server keeps
// them. One without collections is not in the server's list of databases.
func roleDatabases(ctx context.Context, client *mongo.Client) ([]string, error) {
	kept := mongosource.Find(client.Database("admin").Collection("system.roles"), bson.D{}, nil)
	return stream.Run(ctx, stream.Via(kept, stream.FilterMap(func(doc bson.Raw) (string, bool) {
		return doc.Lookup("db").StringValueOK()
	})), sink.Slice[string]())
}

// rolesHidden reports whether err says that the server does not show in which databases roles are.
func rolesHidden(ctx context.Context, err error) bool {
	var refused mongo.ServerError
	return ctx.Err() == nil && errors.As(err, &refused) && !stream.ClassOf(err).Transient()
}
