// Command tenants splits lines of the form "tenant<tab>text" from standard input into encrypted files, some for each tenant:
//
//	go build -o tenants ./examples/tenants
//	./tenants out age1… < lines.tsv
//
// At most 50 files are open at once. A tenant who is not heard of for a while gives way to another, and an age file cannot be appended
// to, so that a tenant has files that follow one another: out/acme.0001.age, out/acme.0002.age. Decrypted in this order they are all
// of the tenant's lines in their order.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"filippo.io/age"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/examples/internal/cli"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

const maxOpen = 50

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	_, err := cli.Protect(func() (any, error) { return nil, run(ctx, os.Args[1:], os.Stdin, os.Stdout) })
	if err != nil {
		fmt.Fprintln(os.Stderr, "tenants:", cli.Errorf("%w", err)) // escaped, because a line may be part of it
		if errors.As(err, new(*cli.Panic)) {
			os.Exit(4)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: tenants FOLDER RECIPIENT < LINES")
	}
	recipient, err := age.ParseX25519Recipient(args[1])
	if err != nil {
		return err
	}
	files, err := split(ctx, source.Reader(in), args[0], recipient)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d files\n", files)
	return err
}

// split writes the text of each tenant to encrypted files in folder, and returns how many they are.
func split(ctx context.Context, text stream.Source[[]byte], folder string, recipient age.Recipient) (int64, error) {
	number := map[string]int{} // of the tenant's last file; GroupBy calls open once at a time
	open := func(tenant string) stream.Flow[[]byte, int64] {
		number[tenant]++
		name := filepath.Join(folder, fmt.Sprintf("%s.%04d.age", tenant, number[tenant]))
		return stream.Then(
			stream.Map(func(line []byte) []byte { return append(bytes.TrimPrefix(line, []byte(tenant+"\t")), '\n') }),
			stream.Then(agecodec.Encrypt(recipient), stream.ResultOf(sink.File(name, nil))),
		)
	}
	return stream.Run(ctx, stream.Via3(text,
		codec.SplitLines(nil),
		stream.TryMap(func(_ context.Context, line []byte) ([]byte, error) { return line, check(line) }),
		stream.GroupBy(maxOpen, tenantOf, open, &stream.GroupByOptions{EvictOldest: true}),
	), sink.Discard[int64]())
}

func tenantOf(line []byte) string {
	tenant, _, _ := bytes.Cut(line, []byte("\t"))
	return string(tenant)
}

// check refuses a line whose tenant would be no file name.
func check(line []byte) error {
	tenant, _, ok := strings.Cut(string(line), "\t")
	if !ok || tenant == "" || strings.ContainsAny(tenant, `/\.:`) {
		return fmt.Errorf("%q does not begin with a tenant and a tab", line[:min(len(line), 80)])
	}
	return nil
}
