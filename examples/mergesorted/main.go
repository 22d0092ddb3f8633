// Command mergesorted merges files of sorted lines into one sorted file:
//
//	go run ./examples/mergesorted all.txt jan.txt feb.txt mar.txt
//
// Lines are compared byte by byte, as LC_ALL=C sort does. The program reads all files at once and
// holds one chunk and one line of each, so the files may be larger than the memory. A line that is
// in several files is in the output as many times.
//
// The output appears when it is complete. If a file is missing or not sorted, the program says
// which line to look at, and leaves an older output unchanged.
//
// It shows [stream.MergeSorted], and how to check elements as they pass with [stream.MapState].
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mergesorted:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) < 2 {
		return errors.New("usage: mergesorted OUTPUT FILE…")
	}
	size, err := merge(ctx, args[0], args[1:])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d bytes of %d files\n", args[0], size, len(args)-1)
	return err
}

// merge writes the lines of the files to the output, and returns its size in bytes.
func merge(ctx context.Context, output string, files []string) (int64, error) {
	sorted := make([]stream.Source[[]byte], len(files))
	for i, name := range files {
		sorted[i] = stream.Via2(source.File(name, nil), codec.SplitLines(nil), checkSorted(name))
	}
	lines := stream.MergeSorted(bytes.Compare, sorted...)
	return stream.Run(ctx, stream.Via(lines, codec.JoinLines()), sink.File(output, nil))
}

// checkSorted returns a flow that passes lines on, and fails at a line that is less than the one
// before it. MergeSorted checks that too, but does not know the name of the file.
func checkSorted(name string) stream.Flow[[]byte, []byte] {
	type state struct {
		last   []byte // a copy: the line itself belongs to the next stage
		number int
	}
	start := func() state { return state{} }
	return stream.MapState(start, func(s *state, line []byte) ([]byte, error) {
		if s.number++; bytes.Compare(line, s.last) < 0 {
			return nil, fmt.Errorf("%s is not sorted: line %d is less than the one before it; "+
				"sort it first: LC_ALL=C sort -o %[1]s %[1]s", name, s.number)
		}
		s.last = append(s.last[:0], line...)
		return line, nil
	})
}
