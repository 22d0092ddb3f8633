// Command restore brings a collection back that the command backup stored.
//
//	export MONGODB_URI='mongodb://user:password@db.example.com/'
//	export AWS_PROFILE=backups
//	restore -db shop -collection cookies -bucket backups -key cookies.jsonl.gz.age -identity key.txt
//
// Without -identity it reads backups that were stored with -no-encryption. The MongoDB URI, AWS credentials, region and endpoint come from
// where backup finds them.
//
// # What it does to the collection
//
// Nothing is visible in the collection before the whole object was read, decrypted and parsed.
//
//   - A collection that does not exist: the documents go into a new collection, COLLECTION_restore_XXXXXXXX, which gets the name when
//     all are in. It is made when the first document was decrypted and read. If anything fails after that, it is dropped again.
//   - -drop, a collection that has documents: the same, and the new collection takes the place of the old one, whose indexes and options
//     are gone with it. Where the server cannot replace in one step (FerretDB v1), the old one is renamed first and dropped last. If
//     the answer to that is lost, the restore finds out what the server did, and finishes; where it cannot, it says what to look at.
//     An empty backup does not replace documents, unless -allow-empty is given.
//   - An empty collection, with -drop too, or -merge: the collection stays, with its indexes and options. The object is read twice: first
//     to prove that it is whole and that no document in it contradicts one in the collection, then to insert; that it is the same object
//     both times is told by its ETag. Documents that are in the collection already, byte for byte, are left alone; one with the same
//     _id and another content is an error that names the _id, before anything is inserted. With -merge so is a document without an _id,
//     which would be added again each time. An object that has one _id twice is refused then too where the two are close to each
//     other, else when the second is inserted. A server that fails during the second reading leaves what was inserted by then; the error
//     says how much, and running it again with -merge completes it.
//   - Else a collection that has documents is refused, and so are the databases admin, config and local and collections named
//     system.* or oplog.rs, which are the server's own.
//
// What an object may hold is limited, because a few megabytes of it can become billions of documents: -max-documents and -max-size. By default
// an object of N bytes has at most N documents (1,048,576 if that is more) and 100 × N bytes of BSON (256 MiB if that is more), and not more
// than twice what it states the collection had when the backup began, and that least again. What it states is metadata: it is sent before the
// first byte is read, and whoever can write the object can write it. So it is about right, and lowers a limit and never raises one. (A record of
// the exact size would have to stand in the stream, where gunzip and jq would read it, or in a second object, which may be lost or be
// another's.) An object with less than half of the documents that it states is restored, with a warning.
//
// A backup has no indexes and no options of its collection (validator, collation, capped, time series, …): a warning before the outcome
// says how many it left out, as far as the object tells it, and names what the replaced collection had.
//
// # Messages
//
// They go to standard error: a live line on a terminal, a line every 5 s elsewhere, JSON with -json-log. Progress counts as restored what the
// database has acknowledged. A server that does not answer is named, and secrets and foreign texts are shown or not, as backup does. The
// last line is the outcome. With -json-log it is, for a restore that is done (bytes are those of BSON
// inserted, stored_bytes those of the object, equal counts the documents that were there already, elapsed is in seconds):
//
//	{"time":"…","level":"INFO","msg":"restore done","documents":4000,"bytes":10880000,"stored_bytes":9400000,"equal":0,
//	 "etag":"\"…\"","db":"shop","collection":"cookies","elapsed":1.234}
//
// after, if anything is missing (kind, indexes and options are those of the collection as it was found):
//
//	{"time":"…","level":"WARN","msg":"left out of the restore","kind":"collection","indexes":["email_1 (unique)"],"options":[],
//	 "backup_left_out":"1 index","replaced":true}
//
// and for one that is not done:
//
//	{"time":"…","level":"ERROR","msg":"restore failed","error":"…","exit":1}
//
// # Exit codes
//
// 0: all is restored. 1: it failed, and the message says what is left of it. 2: the command line or the environment is wrong, also if it is a
// server that finds out, and nothing was done. 3: what the server did is not known, because its reply was lost or a write concern was not
// met; the message says what to look at. 4: the program, or a library in it, has a defect (a panic): the message says what is left of it; report
// what -debug prints, which is the stack without secrets. 129, 130, 143: stopped by SIGHUP, SIGINT, SIGTERM. A second signal ends the program at once, and
// leaves the collection COLLECTION_restore_XXXXXXXX behind. The command go run turns every code but 0 into 1, and does not pass signals
// on: build the program.
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

	"github.com/millweir/millweir/examples/internal/cli"
	"github.com/millweir/millweir/sink/mongosink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

func main() { cli.Main("restore", run) }

// job is one restore: what the command line asks for, and what it found.
type job struct {
	*settings
	program    *cli.Program
	identities []age.Identity // none: the backup is not encrypted
	storage    *s3.Client
	coll       *mongo.Collection // the target
	object     *s3.HeadObjectOutput

	catalog cli.Catalog // of the target as it was
	inPlace bool        // the target stays, and the documents are added to it

	read, parsed stream.Stats     // bytes of the object, documents
	acknowledged cli.Acknowledged // by the database
	missingID    bool             // a document has no _id
	undropped    string           // a collection that is to be dropped by hand
	unconfirmed  error            // of a renaming that took place: the write concern was not met
}

func run(ctx context.Context, p *cli.Program, args []string) error {
	s, err := parse(p, args)
	if err != nil {
		return err
	}
	j := &job{settings: s, program: p}
	if s.identity != "" {
		if j.identities, err = cli.LoadIdentities(s.identity); err != nil {
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
		return cli.Errorf("collection %s has documents: say -drop to replace it, or -merge to add to it", s.mongo.Namespace())
	}
	if j.storage, err = s.s3.Connect(ctx, p); err != nil {
		return err
	}
	waited := s.s3.Waiting("the object")
	j.object, err = s.s3.Stat(ctx, j.storage)
	waited()
	if err != nil {
		return err
	}

	j.catalog = s.mongo.Catalog(ctx, j.coll)
	j.inPlace = state == empty || state == filled && !s.drop
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

// documents is the pipeline from the object to the documents in it: the mirror of the backup's.
func (j *job) documents() stream.Source[bson.Raw] {
	format := cli.Format{Encrypted: len(j.identities) > 0, Identities: j.identities}
	body := stream.Via2(s3source.Download(j.storage, j.s3.Bucket, j.s3.Key, &s3source.DownloadOptions{
		IfMatch: aws.ToString(j.object.ETag), // what is reported must be of what is read
		OnRetry: j.acknowledged.Retry,
	}),
		cli.Expect(format.Encrypted),
		stream.Monitor[[]byte](&j.read),
	)
	return stream.Via2(j.limit(stream.Via(body, format.Pair().Decode())),
		stream.Monitor[bson.Raw](&j.parsed),
		j.checkIDs(),
	)
}

// insert is the sink of both ways to restore.
func (j *job) insert(coll *mongo.Collection) stream.Sink[bson.Raw, mongosink.InsertResult] {
	return mongosink.Insert(coll, &mongosink.InsertOptions{
		BatchDocuments: j.batch, Parallelism: j.parallelism,
		MoveID: j.moveID, AllowEmptyTimestamps: j.allowEmptyTimestamps,
	})
}

// watch shows how one reading of the object goes on, in which the documents are restored, or checked.
func (j *job) watch(verb string, answered *cli.Acknowledged) (stop func()) {
	j.read, j.parsed = stream.Stats{}, stream.Stats{}
	j.acknowledged.Reset()
	return j.program.Watch(&cli.Counters{
		Documents: &j.parsed, Object: &j.read, Acknowledged: answered, Size: aws.ToInt64(j.object.ContentLength), Verb: verb,
	})
}

// explain adds to err what to do about it.
func (j *job) explain(err error) error {
	var refused *mongosink.InsertError
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
	case errors.As(err, &refused) && len(refused.Failed) > 0:
		ids := make([]string, 0, 3)
		for _, f := range refused.Failed[:min(len(refused.Failed), cap(ids))] {
			ids = append(ids, f.ID.String())
		}
		return cli.Errorf("%w; refused: %d documents, among them _id %s", err, refused.Total, cli.Foreign(strings.Join(ids, ", ")))
	}
	return j.mongo.Explain(j.s3.Explain(cli.ExplainContents(err)))
}

// done is what a restore did.
type summary struct {
	mongosink.InsertResult
	equal int64 // documents that were there already
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
		"stored_bytes", aws.ToInt64(j.object.ContentLength), "equal", r.equal, "etag", cli.Foreign(aws.ToString(j.object.ETag)),
		"db", j.mongo.DB, "collection", j.mongo.Collection, "elapsed", cli.Seconds(elapsed),
	)
}

// missing says what the restored collection may lack next to its documents: what the backup left out, and what the collection had that
// was replaced. It is nil if that is nothing.
func (j *job) notRestored() *cli.Text {
	var all *cli.Text
	if left := cli.LeftOut(j.object.Metadata); left != "" {
		all = cli.Textf("the backup has only documents. Left out: %s", cli.Foreign(left))
		if j.inPlace {
			all = cli.Textf("%w; %s keeps its own", all, j.mongo.Namespace())
		}
	}
	if !j.inPlace && !j.catalog.Empty() {
		lost := cli.Textf("The old %s was replaced. Lost with it: %s", j.mongo.Namespace(), cli.Foreign(j.catalog.String()))
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

// state is how the target was found.
type targetState int

const (
	missing targetState = iota
	empty
	filled
)

// look finds out how the target is.
func (j *job) targetState(ctx context.Context) (found targetState, err error) {
	err = j.mongo.Ask(ctx, "whether "+j.mongo.Namespace()+" has documents", func(ctx context.Context) error {
		found, err = collectionState(ctx, j.coll)
		return err
	})
	return found, err
}

// look finds out how coll is.
func collectionState(ctx context.Context, coll *mongo.Collection) (targetState, error) {
	err := coll.FindOne(ctx, bson.D{}).Err()
	if err == nil {
		return filled, nil
	}
	if !errors.Is(err, mongo.ErrNoDocuments) {
		return missing, err
	}
	names, err := coll.Database().ListCollectionNames(ctx, bson.D{{Key: "name", Value: coll.Name()}})
	if err != nil || len(names) == 0 {
		return missing, err
	}
	return empty, nil
}
