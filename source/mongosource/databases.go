package mongosource

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/internal/mongowait"
	"github.com/millweir/millweir/stream"
)

var errNilDatabase = stream.Mark(errors.New("mongosource: collections: the database is nil"), stream.Fatal)

var errNilClient = stream.Mark(errors.New("mongosource: databases: the client is nil"), stream.Fatal)

// DatabasesOptions tunes [Databases]. The zero value is ready to use.
type DatabasesOptions struct {
	Filter any  // of the server's descriptions, such as {name: "shop"}; nil means all
	System bool // also emits admin, config and local
}

// Databases returns a source of the names of the databases of a deployment that the user may see.
//
//   - Memory: all names, which come in one reply.
//   - Errors: the driver's, wrapped; [ErrBadReply].
//   - Early end: a drain ends the source after the current name.
func Databases(client *mongo.Client, opts *DatabasesOptions) stream.Source[string] {
	o := DatabasesOptions{}
	if opts != nil {
		o = *opts
	}
	if o.Filter == nil {
		o.Filter = bson.D{}
	}
	if client == nil {
		return stream.Fail[string](errNilClient)
	}
	return stream.SourceFunc[string](func(ctx context.Context, emit func(string) error) error {
		names, err := databaseNames(ctx, client, o.Filter)
		if err != nil {
			return err
		}
		for _, name := range names {
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case drained(ctx):
				return nil
			case !o.System && slices.Contains(systemDatabases, name):
				continue
			}
			if err := emit(name); err != nil {
				return err
			}
		}
		return nil
	})
}

var systemDatabases = []string{"admin", "config", "local"}

func databaseNames(ctx context.Context, client *mongo.Client, filter any) (names []string, err error) {
	if drained(ctx) {
		return nil, context.Cause(ctx)
	}
	waiting, done := mongowait.WithoutDeadline(ctx)
	defer done()
	err = guarded(func() (err error) {
		names, err = client.ListDatabaseNames(waiting, filter)
		return err
	})
	switch {
	case err != nil && ctx.Err() != nil && !mongoerr.Panicked(err):
		return nil, context.Cause(ctx)
	case err != nil:
		err = probeDatabases(client).explain(ctx, err)
		return nil, fmt.Errorf("mongosource: databases: %w", mongoerr.Mark(err))
	}
	return names, nil
}

// drained reports whether the run of ctx is drained.
func drained(ctx context.Context) bool {
	select {
	case <-stream.Draining(ctx):
		return true
	default:
		return false
	}
}
