// Command api copies all orders of a shop's HTTP API into a file of JSON lines:
//
//	go run ./examples/api https://shop.example/orders orders.jsonl
//
// A page of the API is {"orders": ["https://shop.example/orders/1"], "next": "https://…?page=2"}.
// The last page has no next. Each order is a JSON value at its address.
//
// The program makes at most 10 requests a second, and 4 at once. It repeats a request that fails
// temporarily (429, 5xx, a broken connection), and waits as long as Retry-After says. An order that
// is gone or malformed becomes a JSON line of orders.jsonl.dead, up to 100 of them. Any other error
// ends the run. Both files appear only when the run succeeds.
//
// It shows [source.Unfold] for pages, [stream.SuperviseTo] for dead letters, and in client.go a
// [stream.Limiter], [stream.Retry], and an error type that states its class.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
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
	if err := run(ctx, &http.Client{Timeout: 30 * time.Second}, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, to *http.Client, args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: api URL OUTPUT")
	}
	first, output := args[0], args[1]
	api := newClient(to)

	type letter = stream.DeadLetter[string] // its element is the address of an order
	var skipped stream.Stats
	dead := stream.Into(stream.Then(stream.Monitor[letter](&skipped), codec.JSONLines[letter](nil)),
		sink.File(output+".dead", nil))

	orders := stream.Via3(source.Unfold(first, api.nextPage),
		stream.FlatMap(func(p page) []string { return p.Orders }),
		stream.SuperviseTo(4, api.get, dead, nil),
		codec.JoinLines())
	size, err := stream.Run(ctx, orders, sink.File(output, nil))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d bytes; skipped: %d orders, see %[1]s.dead\n", output, size, skipped.Elements())
	return err
}
