// Command restore restores a collection from an object that the command backup stored.
//
//	export MONGODB_URI='mongodb://user:password@db.example.com/'
//	export AWS_PROFILE=backups
//	restore -db shop -collection cookies -bucket backups -key cookies.jsonl.gz.age \
//		-identity key.txt
//
// Without -identity it reads backups that were stored with -no-encryption. The MongoDB URI, AWS
// credentials, region and endpoint come from the same sources as those of backup.
//
// # What it does to the collection
//
// Nothing becomes visible in the collection before the whole object has been read, decrypted and
// parsed.
//
//   - The collection does not exist: the documents go into a staging collection,
//     COLLECTION_restore_XXXXXXXX, which has the options of the backup. When it is complete, the
//     program creates the indexes of the backup and renames the collection. The program creates it
//     after it has decrypted and read the first document. If anything fails after that, it drops
//     the staging collection.
//   - The collection has documents, and -drop is given: the same, and the staging collection
//     replaces the old one. The old indexes and options are lost if the backup does not have them. If the server cannot replace in
//     one step (FerretDB v1), the old collection is renamed first and dropped last. If the reply is
//     lost, the program finds out what the server did and finishes, or says what to check. An empty
//     backup replaces documents only with -allow-empty.
//   - The collection is empty, or -merge is given: the collection keeps its indexes and options.
//     The program reads the object twice and checks by its ETag that it is the same object. The
//     first pass proves that the object is complete and that no document conflicts with one in the
//     collection. The second pass inserts. Equal documents are skipped. A document with the same
//     _id and other content is an error that names the _id; then nothing has been inserted. With
//     -merge, a document without an _id is also an error, because each run would insert it again.
//     Two documents of the object with one _id are an error too: in the first pass if they are
//     close to each other, otherwise when the second is inserted. If a server fails during the
//     second pass, the inserted documents stay. The error says how many there are, and another run
//     with -merge completes the restore.
//   - Otherwise the program refuses a collection that has documents. It always refuses a collection
//     of the server: one in the databases admin, config and local, or one named system.* or
//     oplog.rs.
//
// # Limits
//
// A few megabytes can decompress into billions of documents, so -max-documents and -max-size limit
// what the program takes from an object. By default an object of N bytes may have N documents (at
// least 1,048,576) and 100 × N bytes of BSON (at least 256 MiB). If the object's metadata states
// the size of the collection when the backup began, the limits are at most twice that plus those
// minimums. The metadata is an estimate and not authenticated, so it can lower a limit but never
// raise one. (An exact record would have to be in the stream, where gunzip and jq would read it, or
// in a second object, which could be lost or replaced.) An object with less than half of the
// documents that it states is restored, with a warning.
//
// # Indexes and options
//
// They are in the object KEY.metadata (see the command backup). If it belongs to another backup than
// KEY, or does not exist, or with -documents-only, only the documents are restored. A warning before
// the outcome then says how many indexes and options the backup left out, if the object states it,
// and names those of the collection that was replaced. An existing collection keeps its own.
//
// Indexes are created last. If the server refuses one, a warning names it, and the documents are
// restored. A view and a time series are restored as a collection of their documents. Documents that
// the validator refuses are an error, unless -bypass-validation is given.
//
// # Messages
//
// Messages go to standard error: a live line on a terminal, a line every 5 s elsewhere, JSON with
// -json-log. Progress counts only documents that the database has acknowledged. The program names
// servers that do not answer, and hides secrets and escapes text from outside, as backup does. The
// last line is the outcome.
//
// With -json-log a completed restore ends with this line. Field bytes counts the BSON inserted,
// stored_bytes the object's bytes, equal the documents that were there already; elapsed is in
// seconds:
//
//	{"time":"…","level":"INFO","msg":"restore done","documents":4000,"bytes":10880000,
//	 "stored_bytes":9400000,"equal":0,"indexes":1,"etag":"\"…\"",
//	 "db":"shop","collection":"cookies","elapsed":1.234}
//
// If anything is missing, this line precedes it. Fields kind, indexes and options describe the
// collection before the restore:
//
//	{"time":"…","level":"WARN","msg":"left out of the restore","kind":"collection",
//	 "indexes":["email_1 (unique)"],"options":[],"backup_left_out":"1 index","replaced":true}
//
// A restore that failed ends with:
//
//	{"time":"…","level":"ERROR","msg":"restore failed","error":"…","exit":1}
//
// # Exit codes
//
//   - 0: all documents are restored.
//   - 1: it failed; the message says what remains.
//   - 2: the command line or the environment is wrong, even if a server found out; nothing was
//     done.
//   - 3: unknown outcome. The server's reply was lost or a write concern was not met; the message
//     says what to check.
//   - 4: the program or a library in it has a defect (a panic); the message says what remains.
//     Report what -debug prints: the stack, without secrets.
//   - 129, 130, 143: stopped by SIGHUP, SIGINT, SIGTERM; the message says what remains.
//
// A second signal ends the program at once and leaves the staging collection. Build the program:
// the command go run turns every code except 0 into 1, and does not pass signals on.
package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/internal/cli"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

func main() { cli.Main("restore", run) }

// job is one restore: its settings, its connections, what it found and its counters.
type job struct {
	*settings
	program    *cli.Program
	identities []age.Identity // empty if the backup is not encrypted
	storage    *s3.Client
	coll       *mongo.Collection // the target
	object     *s3.HeadObjectOutput

	catalog cli.Catalog   // of the target before the restore
	kept    *cli.Metadata // the options and indexes of the backup; nil if there are none
	inPlace bool          // the documents are added to the target

	read, parsed stream.Stats     // bytes of the object, documents
	acknowledged cli.Acknowledged // by the database
	missingID    bool             // at least one document has no _id
}

func run(ctx context.Context, p *cli.Program, args []string) error {
	ctx = stream.WithParallelism(ctx, 0) // use all cores
	s, err := parse(p, args)
	if err != nil {
		return err
	}
	j := &job{settings: s, program: p}
	if s.identity != "" {
		if j.identities, err = cli.LoadIdentities("-identity", s.identity); err != nil {
			return err
		}
	}
	j.mongo.Acknowledged = &j.acknowledged
	database, err := s.mongo.Connect(ctx, p)
	if err != nil {
		return err
	}
	defer s.mongo.Disconnect(database)
	j.coll = database.Database(s.mongo.DB).Collection(s.mongo.Collection)
	state, err := j.targetState(ctx)
	if err != nil {
		return s.mongo.Explain(err)
	}
	if state == filled && !s.drop && !s.merge {
		return cli.Errorf("collection %s has documents: say -drop to replace it, or -merge to add to it",
			s.mongo.Namespace())
	}
	if j.storage, err = s.s3.Connect(ctx, p); err != nil {
		return err
	}
	stopWaiting := s.s3.Waiting("the object")
	j.object, err = s.s3.Stat(ctx, j.storage)
	stopWaiting()
	if err != nil {
		return err
	}

	j.catalog = s.mongo.Catalog(ctx, j.coll)
	j.inPlace = state == empty || state == filled && !s.drop
	if !j.inPlace && !s.documentsOnly {
		if j.kept, err = s.s3.ReadMetadata(ctx, j.storage, j.object, j.identities); err != nil {
			return cli.Errorf("%w; %s is as it was", err, s.mongo.Namespace())
		}
	}
	began := time.Now()
	var result summary
	if j.inPlace {
		result, err = j.merge(ctx)
	} else {
		result, err = j.replace(ctx, state)
	}
	if err != nil {
		return err
	}
	j.warnIfFewer()
	report(j, result, time.Since(began))
	return nil
}

// documents returns the pipeline from the object to its documents. It mirrors the one of backup.
func (j *job) documents() stream.Source[bson.Raw] {
	format := &cli.FormatOptions{Encrypted: len(j.identities) > 0, Identities: j.identities}
	body := stream.Via2(s3source.Download(j.storage, j.s3.Bucket, j.s3.Key, &s3source.DownloadOptions{
		IfMatch:      aws.ToString(j.object.ETag), // read the object that j.object describes, or fail
		OnRetry:      j.acknowledged.Retry,
		RetryTimeout: j.s3.RetryTimeout(),
	}),
		cli.CheckFormat(format),
		stream.MonitorBytes(&j.read),
	)
	return stream.Via2(j.limit(stream.Via(body, cli.Format(format).Decode())),
		stream.Monitor[bson.Raw](&j.parsed),
		j.checkIDs(),
	)
}

// insertOptions returns the options of the insertion. The documents of a capped collection keep
// their order.
func (j *job) insertOptions() *mongosink.InsertOptions {
	o := &mongosink.InsertOptions{
		BatchDocuments: j.batch, Parallelism: j.parallelism,
		MoveID: j.moveID, AllowEmptyTimestamps: j.allowEmptyTimestamps,
		BypassDocumentValidation: j.bypassValidation, RetryTimeout: j.retryTimeout(),
	}
	if j.kept != nil && j.kept.Capped() {
		o.Ordered, o.Parallelism = true, 1
	}
	return o
}

// retryTimeout returns the value of -mongo-retry for the options of an insertion.
func (j *job) retryTimeout() time.Duration {
	if j.mongoRetry == 0 {
		return -1
	}
	return j.mongoRetry
}

// watch shows the progress of one pass over the object. verb says what the pass does to documents.
func (j *job) watch(verb string, answered *cli.Acknowledged) (stop func()) {
	j.read, j.parsed = stream.Stats{}, stream.Stats{}
	j.acknowledged.Reset()
	return j.program.Watch(&cli.Counters{
		Documents: &j.parsed, Object: &j.read, Acknowledged: answered, Size: aws.ToInt64(j.object.ContentLength),
		Verb: verb,
	})
}

// explain adds to err what to do about it.
func (j *job) explain(err error) error {
	var insertErr *mongosink.InsertError
	switch {
	case errors.Is(err, s3source.ErrObjectChanged):
		return cli.Errorf("%w: restore again", err)
	case errors.As(err, new(*stream.LimitError)):
		return j.explainLimit(err)
	case errors.Is(err, mongosink.ErrEmptyTimestamp):
		return cli.Errorf("%w: restore into a server that can keep it, as later releases of MongoDB 5.0 and newer do, "+
			"or let the server store its time by -allow-empty-timestamps", err)
	case errors.Is(err, mongosink.ErrIDNotFirst):
		return cli.Errorf("%w: -move-id lets the server move it, unless there are two", err)
	case errors.As(err, &insertErr) && len(insertErr.Failed) > 0 &&
		insertErr.Failed[0].Code == documentValidationFailure:
		return cli.Errorf("%w; the validator of the collection refuses documents of the backup: -bypass-validation "+
			"inserts them", err)
	case errors.As(err, &insertErr) && len(insertErr.Failed) > 0:
		ids := make([]string, 0, 3)
		for _, f := range insertErr.Failed[:min(len(insertErr.Failed), cap(ids))] {
			ids = append(ids, f.ID.String())
		}
		return cli.Errorf("%w; refused: %d documents, among them _id %s",
			err, insertErr.Total, cli.Foreign(strings.Join(ids, ", ")))
	}
	return j.mongo.Explain(j.s3.Explain(cli.ExplainContents(err)))
}

const documentValidationFailure = 121 // the code of a document that the validator refuses

// summary counts what a restore did.
type summary struct {
	mongosink.InsertResult
	equal   int64 // documents that were there already
	indexes int64 // created
}

func report(j *job, r summary, elapsed time.Duration) {
	if missing := j.notRestored(); missing != nil {
		j.program.Warn(missing, "left out of the restore", append(j.catalog.Attrs(),
			"backup_left_out", cli.Foreign(cli.LeftOut(j.object.Metadata)), "replaced", !j.inPlace)...)
	}
	words := cli.Textf("restored %s (%s of BSON) from %s (%s) into %s in %s",
		cli.Documents(r.Inserted), cli.Bytes(r.Bytes), j.s3.URL(), cli.Bytes(aws.ToInt64(j.object.ContentLength)),
		j.mongo.Namespace(), elapsed.Round(10*time.Millisecond))
	if r.equal > 0 {
		words = cli.Textf("%w; %s more were there already, byte for byte", words, cli.Count(r.equal))
	}
	j.program.Done(words, "restore done",
		"documents", r.Inserted, "bytes", r.Bytes,
		"stored_bytes", aws.ToInt64(j.object.ContentLength), "equal", r.equal, "indexes", r.indexes,
		"etag", cli.Foreign(aws.ToString(j.object.ETag)),
		"db", j.mongo.DB, "collection", j.mongo.Collection, "elapsed", cli.Seconds(elapsed),
	)
}

// notRestored returns a warning that says what the restored collection may lack: what the backup
// left out, and what the replaced collection had. It returns nil if nothing is missing.
func (j *job) notRestored() *cli.Text {
	var all *cli.Text
	if j.kept != nil && j.kept.Restorable() {
		return j.notKept()
	}
	if leftOut := cli.LeftOut(j.object.Metadata); leftOut != "" {
		all = cli.Textf("the backup has only documents. Left out: %s", cli.Foreign(leftOut))
		if j.inPlace {
			all = cli.Textf("%w; %s keeps its own", all, j.mongo.Namespace())
		}
	}
	if !j.inPlace && !j.catalog.Empty() {
		lost := cli.Textf("The old %s was replaced. Lost with it: %s", j.mongo.Namespace(),
			cli.Foreign(j.catalog.String()))
		if all != nil {
			lost = cli.Textf("%w. %w", all, lost)
		}
		all = lost
	}
	if all == nil {
		return nil
	}
	return cli.Textf("%w. Create by hand what is missing", all)
}

// notKept returns a warning that names what the replaced collection had and the backup does not
// have, or nil if that is nothing.
func (j *job) notKept() *cli.Text {
	lost := j.catalog.Without(j.kept)
	if lost.Empty() {
		return nil
	}
	return cli.Textf("The old %s was replaced. Lost with it: %s. Create by hand what is missing", j.mongo.Namespace(),
		cli.Foreign(lost.String()))
}
