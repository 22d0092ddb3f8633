// Command tail stores the lines of a log in compressed files, while the log grows:
//
//	go run ./examples/tail app.log archive
//
// It runs until SIGTERM or ctrl-C. Then it drains: it reads no further line, stores those that it
// has read, and exits with 0. A second signal ends it at once.
//
// It saves its position in the log after the lines up to there are stored, and the next run goes on
// from there. A run that was killed in between stores the last lines again, in a file of the same
// name: the name of a file is its position in the log. So the archive has each line once.
//
// It shows an endless source (follow.go), [stream.Drainable], [stream.Running.Drain],
// [stream.Checkpoints] and [stream.StoreBatches].
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/millweir/millweir/stream"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from now on a signal ends the process
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tail:", err)
		os.Exit(1)
	}
}

// run stores lines until ctx is done, and then those that it has read.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: tail LOG FOLDER")
	}
	log, to := args[0], archive{args[1]}
	from, err := to.position()
	if err != nil {
		return err
	}
	lines := stream.Via(stream.Drainable(follow(log, from)), stream.Checkpoints(line.end))
	running := stream.Go(context.WithoutCancel(ctx), lines,
		stream.StoreBatches(to.store, to.savePosition, &stream.StoreOptions{MaxElements: 10_000}))
	defer context.AfterFunc(ctx, running.Drain)()
	stored, err := running.Wait()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: stored up to byte %d\n", log, max(from, stored.Last.Position))
	return err
}
