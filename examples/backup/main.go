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
// # What is left out
//
// The object has the documents and nothing else: no indexes, no options of the collection (validator, collation, capped, time series, …),
// no definition of a view. If there is anything to leave out, a warning names it before the outcome, and the object's metadata says how
// much it is (without the names of indexes: metadata is not encrypted), which the command restore repeats.
//
// The metadata also states how many documents and bytes of BSON the collection had when the backup began (millweir-about-documents,
// millweir-about-bson-bytes), unless there is a -filter: restore takes not much more than that without being asked.
//
// A backup is no snapshot: it is one scan of the collection, and of what is written meanwhile some may be in it and some not.
//
// # Connections
//
// Two things work and are warned of: a MongoDB URI that turns off the check of the server's certificate (tlsInsecure), and an endpoint of
// S3 by http:// on another machine. The requests are signed, so that the secret key is not sent; the session token, the bytes of the
// object and the names are.
//
// # Messages
//
// They go to standard error: a live line on a terminal, a line every 5 s elsewhere, JSON with -json-log. Progress counts as stored what the
// service has acknowledged, and says how many requests were made again and how long nothing has moved. Before that, a server that does not
// answer is named after 5 s and then every 30 s ("waiting for …"), and given up after 30 s. The last line is the outcome.
//
// What came from outside (an ETag, the name of an index, the text of a server) is shown escaped, and cut at 1 KiB. Users and passwords of
// URIs, their queries, keys and tokens are not shown. Of a text from outside that has a password in it which could be an ordinary word,
// nothing is shown: a gap in it would tell the word.
// With -json-log it is, for a backup that is stored (bytes are those of the BSON read, elapsed is in seconds, parts is 0 for an object
// that was small enough to be stored in one request):
//
//	{"time":"…","level":"INFO","msg":"backup stored","documents":4000,"bytes":10880000,"stored_bytes":9400000,"parts":2,
//	 "etag":"\"…\"","bucket":"backups","key":"cookies.jsonl.gz.age","version_id":"","encrypted":true,"elapsed":1.234}
//
// after, if anything was left out:
//
//	{"time":"…","level":"WARN","msg":"left out of the backup","kind":"collection","indexes":["email_1 (unique)"],
//	 "options":["validator"],"snapshot":false}
//
// and for one that is not stored:
//
//	{"time":"…","level":"ERROR","msg":"backup failed","error":"…","exit":1}
//
// # Exit codes
//
// 0: all is stored. 1: it failed, and nothing is stored. 2: the command line or the environment is wrong, also if it is a server that finds
// out, and nothing is stored. 3: whether it is stored is not known, because the reply to the last request was lost and a look at the key did
// not help, or because the server reports other bytes than were sent; look at the object before you trust it. 4: the program, or
// a library in it, has a defect (a panic): the upload is aborted, as far as that is possible; look at the object before you trust it, and report
// what -debug prints, which is the stack without secrets. 129, 130, 143: stopped by SIGHUP, SIGINT, SIGTERM; nothing is stored and the upload is aborted, as far as the server could be reached. A second signal ends the
// program at once, and leaves the unfinished upload behind. The command go run turns every code but 0 into 1, and does not pass signals
// on: build the program.
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
	storage, err := s.s3.Connect(ctx, p)
	if err != nil {
		return err
	}
	waited := s.s3.Waiting("the bucket")
	err = s.s3.Check(ctx, storage)
	waited()
	if err != nil {
		return err
	}
	j := &job{
		settings: s, storage: storage, recipients: recipients,
		coll: database.Database(s.mongo.DB).Collection(s.mongo.Collection),
	}
	j.catalog = s.mongo.Catalog(ctx, j.coll)
	if len(s.filter.D) == 0 && j.catalog.Kind == "collection" { // of time series the server counts its buckets
		j.sizeHint = s.mongo.SizeHint(ctx, j.coll)
	}
	began := time.Now()
	stop := p.Watch(&cli.Counters{Documents: &j.read, Object: &j.stored, Acknowledged: &j.acknowledged, Expected: s.estimateDocuments(ctx, j.coll)})
	object, err := cli.Protect(func() (s3sink.Object, error) { return j.backup(ctx) })
	stop()
	if err != nil {
		return j.explain(ctx, err)
	}
	j.report(p, object, time.Since(began))
	return nil
}

// job is one backup: what the command line asks for, and what it found and did.
type job struct {
	*settings
	coll       *mongo.Collection
	storage    *s3.Client
	recipients []age.Recipient
	catalog    cli.Catalog  // what the object will not have
	sizeHint   cli.SizeHint // what the object says of its size; nothing with a filter

	read, stored stream.Stats // documents, bytes of the object
	acknowledged cli.Acknowledged
}

// backup is the job: the collection, in the order of the data, into the object.
func (j *job) backup(ctx context.Context) (s3sink.Object, error) {
	format := cli.Format{
		Relaxed:    j.json == "relaxed",
		GzipLevel:  j.gzipLevel,
		Encrypted:  !j.settings.recipients.None(),
		Recipients: j.recipients,
	}
	some := cli.NotEmpty[bson.Raw](errEmpty)
	if j.allowEmpty {
		some = cli.Pass[bson.Raw]()
	}
	documents := stream.Via2(mongosource.Find(j.coll, j.filter.D, nil),
		some,
		stream.Monitor[bson.Raw](&j.read),
	)
	body := stream.Via2(documents,
		format.Pair().Encode(), // JSON, compressed, encrypted
		stream.Monitor[[]byte](&j.stored),
	)
	return stream.Run(ctx, body, s3sink.Upload(j.storage, j.s3.Bucket, j.s3.Key, &s3sink.UploadOptions{
		PartSize:             int64(j.partSize),
		Parallelism:          j.parallelism,
		IfAbsent:             j.ifAbsent,
		ServerSideEncryption: j.sse.mode,
		SSEKMSKeyID:          j.sse.key,
		Metadata:             j.sizeHint.AddTo(j.catalog.Metadata()),
		OnPart:               func(part s3sink.Part) { j.acknowledged.Part(part.Size) },
		OnRetry:              j.acknowledged.Retry,
	}))
}

var errEmpty = cli.Errorf("no document to store")

// failed says what happened to the backup, and what to do.
func (j *job) explain(ctx context.Context, err error) error {
	switch {
	case errors.As(err, new(*cli.Panic)): // it is not known how far the upload got
		return cli.Errorf("%w; if %s has an object now, look at it before you trust it", err, j.s3.URL())
	case errors.Is(err, errEmpty):
		return cli.Errorf("%s; nothing was stored (-allow-empty stores an empty backup)", j.explainEmpty(ctx, j.coll))
	case errors.Is(err, s3sink.ErrMismatch): // it is not known what is at the key now
		err = stream.Mark(err, stream.UnknownOutcome)
	case errors.Is(err, s3sink.ErrNotEncrypted):
		return cli.Errorf("%s does not do the encryption of -sse: leave -sse out, or store elsewhere (%w); nothing was stored", j.s3.Where(), err)
	case errors.Is(err, s3sink.ErrExists):
		return cli.Errorf("%s has an object already, which was left as it is: choose another -key, or leave out -if-absent; nothing was stored", j.s3.URL())
	}
	if stream.ClassOf(err) == stream.UnknownOutcome {
		return cli.Errorf("%w; if %s has an object now, look at it before you trust it", j.s3.Explain(err), j.s3.URL())
	}
	return cli.Errorf("%w; nothing was stored", j.mongo.ExplainFilter(j.s3.Explain(err)))
}

func (j *job) report(p *cli.Program, object s3sink.Object, elapsed time.Duration) {
	if !j.catalog.Empty() {
		p.Warn(cli.Textf("the object has only the documents of %s. Left out: %s. Create these by hand after a restore. "+
			"The backup is no snapshot: what was written while it ran may be in it or not", j.mongo.Namespace(), cli.Foreign(j.catalog.String())),
			"left out of the backup", append(j.catalog.Attrs(), "snapshot", false)...)
	}
	parts := "one piece"
	if object.Parts > 0 {
		parts = fmt.Sprintf("%d parts", object.Parts)
	}
	p.Done(
		cli.Textf("stored %s (%s of BSON) of %s as %s: %s in %s, ETag %s, in %s",
			cli.Documents(j.read.Elements()), cli.Bytes(j.read.Bytes()), j.mongo.Namespace(), j.s3.URL(),
			cli.Bytes(object.Size), parts, cli.Foreign(object.ETag), elapsed.Round(10*time.Millisecond)),
		"backup stored",
		"documents", j.read.Elements(), "bytes", j.read.Bytes(),
		"stored_bytes", object.Size, "parts", object.Parts, "etag", cli.Foreign(object.ETag),
		"bucket", object.Bucket, "key", object.Key, "version_id", cli.Foreign(object.VersionID),
		"encrypted", !j.settings.recipients.None(), "elapsed", cli.Seconds(elapsed),
	)
}
