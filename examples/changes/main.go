// Command changes stores the changes of a MongoDB collection in compressed files, while they happen:
//
//	MONGODB_URI=mongodb://localhost/?replicaSet=rs0 go run ./examples/changes shop.cookies archive
//
// It runs until SIGTERM or ctrl-C. Then it drains: it stores the changes that it has read, and exits
// with 0. A second signal ends it at once. It begins with the first change after its first start.
//
// It saves its position after the changes up to there are stored, and the next run goes on from
// there, also after a crash, a failover, or days. After a run that was killed in between, it removes
// the files that come after the saved position, and stores their changes again. So the archive has
// each change once. If the server no longer has all changes after the position, the program fails
// and says so: it never leaves out a change silently. If the collection is dropped or renamed, the
// program stores this change, too, and fails; the next run waits for a new collection of the name.
//
// Each line of a file is a change as the server describes it, as canonical Extended JSON. The name
// of a file is the number of changes before it, so the names are in the order of the changes.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from now on a signal ends the process
	if err := run(ctx, os.Getenv("MONGODB_URI"), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "changes:", err)
		os.Exit(1)
	}
}

// run stores changes until ctx is done, and then those that it has read.
func run(ctx context.Context, uri string, args []string, out io.Writer) error {
	if len(args) != 2 || uri == "" {
		return errors.New("usage: MONGODB_URI=mongodb://… changes DATABASE.COLLECTION FOLDER")
	}
	db, name, ok := strings.Cut(args[0], ".")
	if !ok || db == "" || name == "" {
		return fmt.Errorf("%q does not name a collection as DATABASE.COLLECTION", args[0])
	}
	to := &archive{folder: args[1]}
	saved, err := to.place()
	if err != nil {
		return err
	}
	client, err := mongo.Connect(mongosource.Guard(options.Client().ApplyURI(uri)))
	if err != nil {
		return errors.New("MONGODB_URI is not a valid connection string") // the driver's error may have the password
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }()

	changes := mongosource.Watch(client.Database(db).Collection(name), &mongosource.WatchOptions{
		After:     saved.After,
		Heartbeat: time.Minute, // the position of a quiet collection moves on, too
	})
	var dropped error // an error would drop the changes that are not stored yet
	untilDropped := stream.CompleteOn[mongosource.Event](func(err error) bool {
		if errors.Is(err, mongosource.ErrInvalidated) {
			dropped = err
		}
		return dropped != nil
	})
	running := stream.Go(context.WithoutCancel(ctx),
		stream.Via3(changes, untilDropped, number(saved), stream.Checkpoints(numbered.place)),
		stream.StoreBatches(to.store, to.savePlace, nil))
	defer context.AfterFunc(ctx, running.Drain)()
	stored, err := running.Wait()
	switch {
	case errors.Is(err, mongosource.ErrHistoryLost):
		return fmt.Errorf("%w; copy the collection again, and choose a new folder", err)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(out, "%s: stored the changes up to %v\n", args[0], stored.Last.Position.After)
	return cmp.Or(dropped, err)
}
