// Command progress compresses a file, and shows on standard error how far it is:
//
//	go run ./examples/progress dump.bson dump.bson.zst
//	[==============                ]  48 %  412.3 MB of 858.9 MB, 201.4 MB/s
//
// At the end it says which stage the others waited for. The output appears when it is complete.
//
// It shows [stream.Monitor], whose counters any goroutine may read during a run, [stream.Go], and
// [stream.Bottleneck].
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "progress:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, screen io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: progress INPUT OUTPUT")
	}
	info, err := os.Stat(args[0])
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file: its size is not known", args[0])
	}

	read, compressed := stream.Stats{Name: "the input"}, stream.Stats{Name: "zstd"}
	body := stream.Via2(source.File(args[0], nil),
		stream.MonitorBytes(&read),
		stream.Measure(&compressed, codec.Zstd(nil)))
	running := stream.Go(ctx, body, sink.File(args[1], nil))
	watch(screen, running.Done(), &read, info.Size())
	size, err := running.Wait()
	if err != nil {
		return err
	}
	slowest := stream.Bottleneck(read.Snapshot(), compressed.Snapshot())
	_, err = fmt.Fprintf(screen, "%s: %s; most of the time was for %s\n", args[1], megabytes(size), slowest)
	return err
}

// watch draws the progress five times a second until done is closed, and then once more.
func watch(screen io.Writer, done <-chan struct{}, read *stream.Stats, size int64) {
	began := time.Now()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			fmt.Fprint(screen, "\r", bar(read.Bytes(), size, time.Since(began)))
		case <-done:
			fmt.Fprintln(screen, "\r"+bar(read.Bytes(), size, time.Since(began)))
			return
		}
	}
}

// bar returns the line for n bytes of size that were read in the time. The file may grow meanwhile.
func bar(n, size int64, elapsed time.Duration) string {
	share := 1.0
	if n < size {
		share = float64(n) / float64(size)
	}
	const width = 30
	done := strings.Repeat("=", int(share*width))
	rate := int64(float64(n) / max(elapsed.Seconds(), 0.001))
	return fmt.Sprintf("[%-*s] %3.0f %%  %s of %s, %s/s   ", width, done, 100*share,
		megabytes(n), megabytes(size), megabytes(rate))
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
