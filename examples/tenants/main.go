// Command tenants splits the lines TENANT<tab>TEXT of a file into encrypted files for each tenant:
//
//	go run ./examples/tenants lines.tsv out age1…
//
// At most 50 files are open at once, so there may be any number of tenants. To make room for a new
// tenant, the file of the one that has been silent for the longest time is closed. An age file
// cannot be appended to, so that tenant's next line opens another file: acme.000001.age,
// acme.000002.age, and so on. In this order they hold the tenant's lines in their order.
//
// The folder appears when all files are complete. If a line is malformed, the program says which
// one, and there is no folder.
//
// It shows [stream.GroupBy] with EvictOldest, and a sink inside a flow by [stream.ResultOf].
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"

	"filippo.io/age"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tenants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 3 {
		return errors.New("usage: tenants INPUT FOLDER RECIPIENT")
	}
	input, folder := args[0], args[1]
	recipients, err := agecodec.ParseRecipients(args[2])
	if err != nil {
		return fmt.Errorf("RECIPIENT must be a public key of age-keygen, age1…: %w", err)
	}
	if _, err := os.Lstat(folder); err == nil {
		return fmt.Errorf("%s exists: name a new folder", folder)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(folder), ".tenants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary) // after the rename there is nothing to remove
	files, err := split(ctx, source.File(input, nil), temporary, recipients)
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, folder); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d files\n", folder, files)
	return err
}

// split writes the lines of each tenant to encrypted files in folder, and returns how many files
// there are.
func split(ctx context.Context, text stream.Source[[]byte], folder string, to []age.Recipient) (int64, error) {
	files := map[string]int{} // of each tenant; GroupBy does not call open concurrently
	open := func(tenant string) stream.Flow[line, int64] {
		files[tenant]++
		name := filepath.Join(folder, fmt.Sprintf("%s.%06d.age", tenant, files[tenant]))
		lines := stream.Then(stream.Map(func(l line) []byte { return l.text }), codec.JoinLines())
		store := stream.Into(agecodec.Encrypt(to...), sink.File(name, nil))
		return stream.Then(lines, stream.ResultOf(store))
	}
	lines := stream.Via3(text, codec.SplitLines(nil), stream.Enumerate[[]byte](), stream.TryMap(parse))
	tenant := func(l line) string { return l.tenant }
	const maxOpen = 50
	stored := stream.GroupBy(maxOpen, tenant, open, &stream.GroupByOptions{EvictOldest: true})
	return stream.Run(ctx, stream.Via(lines, stored), sink.Discard[int64]())
}

// line is a line of the input.
type line struct {
	tenant string
	text   []byte
}

var form = regexp.MustCompile(`(?s)^([a-z0-9-]{1,64})\t(.*)$`)

// parse returns the parts of a line. It rejects a tenant that is not a valid file name on every
// system.
func parse(_ context.Context, numbered stream.Pair[int64, []byte]) (line, error) {
	text := numbered.Second
	parts := form.FindSubmatch(text)
	if parts == nil {
		return line{}, fmt.Errorf("line %d is not TENANT<tab>TEXT with a tenant of a-z, 0-9 and -: %q",
			numbered.First+1, text[:min(len(text), 80)])
	}
	return line{string(parts[1]), parts[2]}, nil
}
