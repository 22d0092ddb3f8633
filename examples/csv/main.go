// Command csv turns comma-separated values into compressed JSON lines:
//
//	go run ./examples/csv cakes.csv cakes.jsonl.zst
//
// The first record is the header. Each later record becomes a JSON object on a line, with the
// header's fields as its members: zstd -dc cakes.jsonl.zst | jq . reads them. The input may be
// larger than the memory.
//
// The output appears when it is complete. If a record is malformed, the program says which one, and
// leaves an older output unchanged.
//
// It shows [codec.ParseCSVMaps], [codec.JSONLines] and [codec.Zstd] in one pipeline.
package main

import (
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
		fmt.Fprintln(os.Stderr, "csv:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: csv INPUT OUTPUT")
	}
	input, output := args[0], args[1]
	body := stream.Via3(source.File(input, nil),
		codec.ParseCSVMaps(nil),
		codec.JSONLines[map[string]string](nil),
		codec.Zstd(nil))
	size, err := stream.Run(ctx, body, sink.File(output, nil))
	if errors.As(err, new(*codec.InputError)) {
		return fmt.Errorf("%s is not CSV with a header; correct it and run this again: %w", input, err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d bytes\n", output, size)
	return err
}
