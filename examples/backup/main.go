// Command backup stores a MongoDB collection as one S3 object: JSON, compressed, encrypted. The
// object appears only when it is complete. A run that fails or is stopped leaves nothing, or says
// that it cannot know (exit code 3).
//
//	export MONGODB_URI='mongodb://user:password@db.example.com/'
//	export AWS_PROFILE=backups
//	backup -db shop -collection cookies -bucket backups -key cookies.jsonl.gz.age -recipient age1…
//
// Standard tools read the object. It has one document of MongoDB Extended JSON v2 a line:
//
//	aws s3 cp s3://backups/cookies.jsonl.gz.age - | age -d -i key.txt | gunzip | jq -c .
//
// The MongoDB URI comes from MONGODB_URI, -mongo-file or -mongo. AWS credentials, region and
// endpoint come from the same sources as for every AWS tool: the environment (AWS_ACCESS_KEY_ID,
// AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_S3, …), ~/.aws, the machine's role. If an endpoint is
// set, buckets are addressed by path.
//
// # Indexes and options
//
// If the collection has indexes or options (validator, collation, capped, time series, …), they are
// stored in a second object, KEY.metadata, after the documents. It has one line of canonical
// Extended JSON, compressed and encrypted as the documents are:
//
//	{"format":1,"backup":"…","collection":{…},"indexes":[{…},…]}
//
// The field collection is what listCollections says, and indexes what listIndexes says. The field
// backup is the millweir-backup of the first object's metadata, so that restore never takes the
// options of another backup. If the second object cannot be stored, the program fails, and says
// that the documents are stored. With -if-absent, it does not replace the second object either. If
// the user may not read indexes and options, a warning says that they were left out. A view and a
// time series are stored as the documents that they show, and a warning says so, because restore
// makes a collection of them.
//
// The metadata of the first object says how many indexes and which options there are. It does not
// name the indexes, because metadata is not encrypted.
//
// Without -filter, the metadata also states how many documents and bytes of BSON the collection had
// when the backup began (millweir-about-documents, millweir-about-bson-bytes). The command restore
// derives its default limits from them.
//
// A backup is not a snapshot. It is one scan of the collection: it may have some of the writes that
// happen while it runs, and not others. The scan is in the order of _id, and continues exactly where
// it was if MongoDB fails or is away for at most -mongo-retry. A capped collection, a view and a time
// series are read in one query, which a failure ends.
//
// # Connections
//
// The program warns of two insecure settings: a MongoDB URI that turns off the check of the
// server's certificate (tlsInsecure), and an http:// endpoint of S3 on another machine. Over http,
// requests are signed and do not carry the secret key. They carry the session token, the object's
// bytes and the names in the clear.
//
// # Messages
//
// Messages go to standard error: a live line on a terminal, a line every 5 s elsewhere, JSON with
// -json-log. Progress counts only bytes that the service has acknowledged. It shows the number of
// retries, and how long the counts have not changed. While the program connects, it names a server
// that does not answer after 5 s and then every 30 s ("waiting for …"), and gives up after 30 s.
// The last line is the outcome.
//
// Text from outside (an ETag, an index name, a server's message) is escaped and cut at 1 KiB.
// Users, passwords and queries of URIs, keys and tokens are hidden. If such a text holds a password
// that could be an ordinary word, the whole text is hidden, because a gap would reveal the word.
//
// With -json-log a stored backup ends with this line. Field bytes counts the BSON read, elapsed is
// in seconds, and parts is 0 for an object that was stored in one request:
//
//	{"time":"…","level":"INFO","msg":"backup stored","documents":4000,"bytes":10880000,
//	 "stored_bytes":9400000,"parts":2,"etag":"\"…\"","bucket":"backups",
//	 "key":"cookies.jsonl.gz.age","version_id":"","encrypted":true,"indexes":1,"options":2,
//	 "elapsed":1.234}
//
// The fields indexes and options count what KEY.metadata has. If anything was left out, this line
// precedes it:
//
//	{"time":"…","level":"WARN","msg":"left out of the backup","kind":"view",
//	 "indexes":[],"options":["viewOn","pipeline"],"snapshot":false}
//
// A backup that failed ends with:
//
//	{"time":"…","level":"ERROR","msg":"backup failed","error":"…","exit":1}
//
// # Exit codes
//
//   - 0: the backup is stored.
//   - 1: it failed; nothing is stored, unless the message says that the documents are stored
//     without the indexes and options.
//   - 2: the command line or the environment is wrong, even if a server found out; nothing is
//     stored.
//   - 3: unknown outcome. The reply to the last request was lost and a look at the key did not
//     help, or the server reports other bytes than were sent. Check the object before you trust it.
//   - 4: the program or a library in it has a defect (a panic). The upload is aborted if possible.
//     Check the object before you trust it, and report what -debug prints: the stack, without
//     secrets.
//   - 129, 130, 143: stopped by SIGHUP, SIGINT, SIGTERM; nothing is stored, and the upload is
//     aborted if the server can be reached.
//
// A second signal ends the program at once and leaves the unfinished upload. Build the program: the
// command go run turns every code except 0 into 1, and does not pass signals on.
//
// # What a kill leaves
//
// A program that is killed (SIGKILL, a power cut), or that loses its S3 server for good, leaves at
// most the parts of one unfinished upload. No listing shows them and they never become an object,
// but they are billed until they are removed: by a lifecycle rule of the bucket
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

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/internal/cli"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

func main() { cli.Main("backup", run) }

func run(ctx context.Context, p *cli.Program, args []string) error {
	ctx = stream.WithParallelism(ctx, 0) // use all cores
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
	stopWaiting := s.s3.Waiting("the bucket")
	err = s.s3.Check(ctx, storage)
	stopWaiting()
	if err != nil {
		return err
	}
	j := &job{
		settings: s, storage: storage, recipients: recipients,
		coll: database.Database(s.mongo.DB).Collection(s.mongo.Collection),
	}
	j.catalog = s.mongo.Catalog(ctx, j.coll)
	if j.catalog.Keepable() {
		j.id = cli.NewBackupID()
	}
	if len(s.filter.D) == 0 && j.catalog.Kind == "collection" { // a time series would count its buckets
		j.sizeHint = s.mongo.SizeHint(ctx, j.coll)
	}
	began := time.Now()
	stop := p.Watch(&cli.Counters{
		Documents: &j.read, Object: &j.stored, Acknowledged: &j.acknowledged,
		Expected: s.estimateDocuments(ctx, j.coll),
	})
	object, err := j.backup(ctx)
	stop()
	if err != nil {
		return j.explain(ctx, err)
	}
	if err := j.keepCatalog(ctx); err != nil {
		return j.explainCatalog(err)
	}
	j.report(p, object, time.Since(began))
	return nil
}

// job is one backup: its settings, its connections and its counters.
type job struct {
	*settings
	coll       *mongo.Collection
	storage    *s3.Client
	recipients []age.Recipient
	catalog    cli.Catalog  // the collection's indexes and options
	id         string       // of this backup; "" if there are no indexes and options to keep
	sizeHint   cli.SizeHint // for the object's metadata; zero with a filter

	read, stored stream.Stats // documents, bytes of the object
	acknowledged cli.Acknowledged
}

// backup runs the pipeline from the collection to the object.
func (j *job) backup(ctx context.Context) (s3sink.Object, error) {
	checkEmpty := cli.NotEmpty[bson.Raw](errEmpty)
	if j.allowEmpty {
		checkEmpty = cli.Pass[bson.Raw]()
	}
	documents := stream.Via2(j.find(),
		checkEmpty,
		stream.Monitor[bson.Raw](&j.read),
	)
	body := stream.Via2(documents,
		j.format(j.json == "relaxed").Encode(), // JSON, compressed, encrypted
		stream.MonitorBytes(&j.stored),
	)
	opts := j.uploadOptions()
	opts.Metadata = j.sizeHint.AddTo(j.catalog.Metadata())
	if j.id != "" {
		opts.Metadata = cli.AddBackupID(opts.Metadata, j.id)
	}
	opts.OnPart = func(part s3sink.Part) { j.acknowledged.Part(part.Size) }
	upload := s3sink.Upload(j.storage, j.s3.Bucket, j.s3.Key, opts)
	return cli.Protect(func() (s3sink.Object, error) { return stream.Run(ctx, body, upload) })
}

// uploadOptions returns the options of both objects.
func (j *job) uploadOptions() *s3sink.UploadOptions {
	return &s3sink.UploadOptions{
		IfAbsent:             j.ifAbsent,
		PartSize:             int64(j.partSize),
		Parallelism:          j.parallelism,
		ServerSideEncryption: j.sse.mode,
		SSEKMSKeyID:          j.sse.key,
		OnRetry:              j.acknowledged.Retry,
		RetryTimeout:         j.s3.RetryTimeout(),
	}
}

// format returns the format of both objects.
func (j *job) format(relaxed bool) codec.Format[bson.Raw] {
	return cli.Format(&cli.FormatOptions{
		Relaxed:    relaxed,
		GzipLevel:  j.gzipLevel,
		Encrypted:  !j.settings.recipients.None(),
		Recipients: j.recipients,
	})
}

// find returns the documents to back up. A query that could not be continued, such as one with
// $near, is read without that.
func (j *job) find() stream.Source[bson.Raw] {
	once := mongosource.Find(j.coll, j.filter.D, nil)
	if !j.catalog.Scannable() {
		return once
	}
	scan := mongosource.Scan(j.coll, j.filter.D, &mongosource.ScanOptions{Backoff: stream.Backoff{
		MaxRetries: -1, MaxElapsed: max(j.mongoRetry, time.Nanosecond), Notify: j.acknowledged.Retry,
	}})
	return stream.Via(scan, stream.RecoverWith(1, func(err error) (stream.Source[bson.Raw], error) {
		if errors.Is(err, mongosource.ErrNotResumable) && j.read.Elements() == 0 {
			return once, nil
		}
		return nil, err
	}))
}

// keepCatalog stores the indexes and options of the collection, if it has any.
func (j *job) keepCatalog(ctx context.Context) error {
	if j.id == "" {
		return nil
	}
	doc, err := bson.Marshal(j.catalog.MetadataOf(j.id))
	if err != nil {
		return err
	}
	body := stream.Via(source.Of(bson.Raw(doc)), j.format(false).Encode())
	_, err = cli.Protect(func() (s3sink.Object, error) {
		return stream.Run(ctx, body, s3sink.Upload(j.storage, j.s3.Bucket, j.s3.MetadataKey(), j.uploadOptions()))
	})
	return err
}

// explainCatalog adds to the error of keepCatalog what is stored, and what to do.
func (j *job) explainCatalog(err error) error {
	advice := "run this again"
	if j.ifAbsent {
		advice = "delete that object and run this again, or choose another -key"
	}
	if errors.Is(err, s3sink.ErrExists) {
		err = cli.Errorf("%s exists already, and was left as it is", j.s3.MetadataURL())
		advice = "delete both objects and run this again, or choose another -key"
	}
	return cli.Errorf("%w; the documents are stored as %s, without the indexes and options of %s: %s",
		j.s3.Explain(err), j.s3.URL(), j.mongo.Namespace(), advice)
}

var errEmpty = cli.Errorf("no document to store")

// explain adds to err whether anything was stored, and what to do.
func (j *job) explain(ctx context.Context, err error) error {
	switch {
	case errors.As(err, new(*cli.Panic)): // the upload may have completed
		return cli.Errorf("%w; if %s has an object now, look at it before you trust it", err, j.s3.URL())
	case errors.Is(err, errEmpty):
		return cli.Errorf("%s; nothing was stored (-allow-empty stores an empty backup)", j.explainEmpty(ctx, j.coll))
	case errors.Is(err, s3sink.ErrMismatch): // the key may hold another object
		err = stream.Mark(err, stream.UnknownOutcome)
	case errors.Is(err, s3sink.ErrNotEncrypted):
		return cli.Errorf("%s does not do the encryption of -sse: leave -sse out, or store elsewhere (%w); "+
			"nothing was stored",
			j.s3.Where(), err)
	case errors.Is(err, s3sink.ErrExists):
		return cli.Errorf("%s has an object already, which was left as it is: choose another -key, or leave out "+
			"-if-absent; "+
			"nothing was stored", j.s3.URL())
	}
	if stream.ClassOf(err) == stream.UnknownOutcome {
		return cli.Errorf("%w; if %s has an object now, look at it before you trust it", j.s3.Explain(err), j.s3.URL())
	}
	return cli.Errorf("%w; nothing was stored", j.mongo.ExplainFilter(j.s3.Explain(err)))
}

func (j *job) report(p *cli.Program, object s3sink.Object, elapsed time.Duration) {
	if j.id == "" && !j.catalog.Empty() || j.id != "" && j.catalog.Kind != "collection" {
		p.Warn(cli.Textf("%s is restored as a collection of its documents. Left out: %s",
			j.mongo.Namespace(), cli.Foreign(j.catalog.String())),
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
		"encrypted", !j.settings.recipients.None(),
		"indexes", len(j.catalog.Indexes), "options", len(j.catalog.Options), "elapsed", cli.Seconds(elapsed),
	)
}
