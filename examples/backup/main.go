// Command backup stores a MongoDB collection as one S3 object: JSON, compressed, encrypted. The object appears only when it is
// whole; a run that fails or is stopped leaves nothing, or says that it cannot know (see Exit codes).
//
//	export MONGODB_URI='mongodb://user:password@db.example.com/'
//	export AWS_PROFILE=backups
//	backup -db shop -collection cookies -bucket backups -key cookies.jsonl.gz.age -recipient age1…
//
// The object is what these tools read, one document of MongoDB Extended JSON v2 a line:
//
//	aws s3 cp s3://backups/cookies.jsonl.gz.age - | age -d -i key.txt | gunzip | jq -c .
//
// The MongoDB URI comes from MONGODB_URI, -mongo-file or -mongo. AWS credentials, region and endpoint come from where every AWS
// tool finds them: the environment (AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_S3, …), ~/.aws, the machine's role.
// With an endpoint of its own, buckets are addressed by path.
//
// # Messages
//
// They go to standard error: a live line on a terminal, a log line every 5 s elsewhere, JSON with -json-log. The last line tells
// the outcome. With -json-log it is, for a backup that is stored (bytes are those of the BSON read, elapsed is in seconds, parts is
// 0 for an object that was small enough to be stored in one request):
//
//	{"time":"…","level":"INFO","msg":"backup stored","documents":4000,"bytes":10880000,"stored_bytes":9400000,"parts":2,
//	 "etag":"\"…\"","bucket":"backups","key":"cookies.jsonl.gz.age","version_id":"","encrypted":true,"elapsed":1.234}
//
// and for one that is not:
//
//	{"time":"…","level":"ERROR","msg":"backup failed","error":"…","exit":1}
//
// # Exit codes
//
// 0: all is stored. 1: it failed, and nothing is stored. 2: the command line is wrong. 3: whether it is stored is not known, for the reply to
// the last request was lost and looking did not tell; or the server reports other bytes than were sent. What is at the key then, if anything,
// is to be looked at before it is trusted. 129, 130, 143: stopped by SIGHUP, SIGINT, SIGTERM; nothing is stored and the upload is aborted,
// as far as the server could be reached. A second signal ends the program at once, and leaves the unfinished upload behind.
//
// # What a kill leaves
//
// A program that is killed (SIGKILL, a power cut), or whose S3 server is gone for good, leaves at most the parts of one unfinished upload.
// They show in no listing, are never taken for an object, and are paid for until they are removed: by a lifecycle rule of the bucket
// (AbortIncompleteMultipartUpload), by s3sink.AbortPending, or by hand:
//
//	aws s3api list-multipart-uploads --bucket backups --prefix cookies.jsonl.gz.age
//	aws s3api abort-multipart-upload --bucket backups --key cookies.jsonl.gz.age --upload-id …
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/examples/internal/cli"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

func main() { cli.Main("backup", run) }

func run(ctx context.Context, p *cli.Program, args []string) error {
	s, err := parse(p, args)
	if err != nil {
		return err
	}
	recipients, err := s.recipients.Load()
	if err != nil {
		return err
	}
	database, err := s.mongo.Connect(ctx, p)
	if err != nil {
		return err
	}
	defer s.mongo.Disconnect(database)
	storage, err := s.s3.Client(ctx, p)
	if err != nil {
		return err
	}
	if err := s.s3.Check(ctx, storage); err != nil {
		return err
	}
	coll := database.Database(s.mongo.DB).Collection(s.mongo.Collection)

	var read, stored stream.Stats
	began := time.Now()
	stop := p.Watch(cli.Counters{Documents: &read, Object: &stored, PartSize: int64(s.partSize), Expected: s.expect(ctx, coll)})
	object, err := backup(ctx, s, coll, storage, recipients, &read, &stored)
	stop()
	if err != nil {
		return failed(ctx, s, coll, err)
	}
	report(p, s, object, &read, time.Since(began))
	return nil
}

// backup is the job: the collection, in the order of the data, into the object.
func backup(ctx context.Context, s *settings, coll *mongo.Collection, storage *s3.Client, recipients []age.Recipient, read, stored *stream.Stats) (s3sink.Object, error) {
	format := cli.Format{
		Relaxed:    s.json == "relaxed",
		GzipLevel:  s.gzipLevel,
		Encrypted:  !s.recipients.None(),
		Recipients: recipients,
	}
	some := cli.NotEmpty[bson.Raw](errEmpty)
	if s.allowEmpty {
		some = cli.Pass[bson.Raw]()
	}
	documents := stream.Via2(mongosource.Find(coll, s.filter.D, nil),
		some,
		stream.Monitor[bson.Raw](read),
	)
	body := stream.Via2(documents,
		format.Pair().Encode(), // JSON, compressed, encrypted
		stream.Monitor[[]byte](stored),
	)
	return stream.Run(ctx, body, s3sink.Upload(storage, s.s3.Bucket, s.s3.Key, &s3sink.UploadOptions{
		PartSize:             int64(s.partSize),
		Parallelism:          s.parallelism,
		IfAbsent:             s.ifAbsent,
		ServerSideEncryption: s.sse.mode,
		SSEKMSKeyID:          s.sse.key,
	}))
}

var errEmpty = errors.New("no document to store")

// failed says what became of the backup, and what to do.
func failed(ctx context.Context, s *settings, coll *mongo.Collection, err error) error {
	switch {
	case errors.Is(err, errEmpty):
		return fmt.Errorf("%s; nothing was stored (-allow-empty stores an empty backup)", s.whyEmpty(ctx, coll))
	case errors.Is(err, s3sink.ErrOutcomeUnknown), errors.Is(err, s3sink.ErrMismatch):
		return cli.Unclear(fmt.Errorf("%w; if %s has an object now, look at it before you trust it", err, s.s3.URL()))
	case errors.Is(err, s3sink.ErrNotEncrypted):
		return fmt.Errorf("%s does not do the encryption of -sse: leave -sse out, or store elsewhere (%w); nothing was stored", s.s3.Where(), err)
	case errors.Is(err, s3sink.ErrExists):
		return fmt.Errorf("%s has an object already, which was left as it is: choose another -key, or leave out -if-absent", s.s3.URL())
	}
	return fmt.Errorf("%w; nothing was stored", s.mongo.Explain(s.s3.Explain(err)))
}

func report(p *cli.Program, s *settings, object s3sink.Object, read *stream.Stats, elapsed time.Duration) {
	parts := "one piece"
	if object.Parts > 0 {
		parts = fmt.Sprintf("%d parts", object.Parts)
	}
	p.Done(
		fmt.Sprintf("Stored %s documents (%s of BSON) of %s as %s: %s in %s, ETag %s, in %s.",
			cli.Count(read.Elements()), cli.Bytes(read.Bytes()), s.mongo.Namespace(), s.s3.URL(),
			cli.Bytes(object.Size), parts, object.ETag, elapsed.Round(10*time.Millisecond)),
		"backup stored",
		"documents", read.Elements(), "bytes", read.Bytes(),
		"stored_bytes", object.Size, "parts", object.Parts, "etag", object.ETag,
		"bucket", object.Bucket, "key", object.Key, "version_id", object.VersionID,
		"encrypted", !s.recipients.None(), "elapsed", cli.Seconds(elapsed),
	)
}
