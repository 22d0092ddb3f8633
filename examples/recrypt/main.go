// Command recrypt copies an encrypted S3 object for other recipients:
//
//	go run ./examples/recrypt s3://backups/a.age s3://backups/b.age old-key.txt age1…
//
// The program gives the age file a new header for the recipients. It copies the encrypted payload
// unchanged, and verifies it on the way. No plain text leaves the program, and it writes no file.
// Credentials, region and endpoint are those of the AWS tools: AWS_PROFILE, AWS_REGION,
// AWS_ENDPOINT_URL_S3 and so on.
//
// The new object appears when it is complete and confirmed. The program stores nothing if the old
// object is damaged, if the identity does not open it, or if an object exists at the new key.
//
// A reader of the old object who has kept its file key can read the new one too. To exclude such a
// reader, encrypt it again: replace [agecodec.Rewrap] by [agecodec.Decrypt] and [agecodec.Encrypt].
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

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/codec/agecodec"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "recrypt:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) < 4 {
		return errors.New("usage: recrypt s3://BUCKET/KEY s3://BUCKET/NEWKEY IDENTITY-FILE RECIPIENT…")
	}
	from, err := parseURL(args[0])
	if err != nil {
		return err
	}
	to, err := parseURL(args[1])
	if err != nil {
		return err
	}
	file, err := os.Open(args[2])
	if err != nil {
		return err
	}
	defer file.Close()
	identities, err := agecodec.ParseIdentities(file)
	if err != nil {
		return fmt.Errorf("%s must hold a secret key of age-keygen or ssh-keygen: %w", args[2], err)
	}
	recipients, err := agecodec.ParseRecipients(args[3:]...)
	if err != nil {
		return fmt.Errorf("RECIPIENT must be a public key of age-keygen, age1…: %w", err)
	}
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	client := s3.NewFromConfig(settings, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })

	old := s3source.Download(client, from.bucket, from.key, nil)
	store := s3sink.Upload(client, to.bucket, to.key, &s3sink.UploadOptions{IfAbsent: true})
	object, err := stream.Run(ctx, stream.Via(old, agecodec.Rewrap(identities, recipients...)), store)
	if errors.Is(err, s3sink.ErrExists) {
		return fmt.Errorf("%s exists: choose a new key (%w)", args[1], err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %d bytes, verified\n", args[1], object.Size)
	return err
}

// location is where an object is.
type location struct{ bucket, key string }

func parseURL(url string) (location, error) {
	path, ok := strings.CutPrefix(url, "s3://")
	bucket, key, _ := strings.Cut(path, "/")
	if !ok || bucket == "" || key == "" {
		return location{}, fmt.Errorf("%q is not s3://BUCKET/KEY", url)
	}
	return location{bucket, key}, nil
}
