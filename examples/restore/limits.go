package main

import (
	"errors"
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/examples/internal/cli"
	"github.com/millweir/millweir/stream"
)

// What every restore may read, however small its object is and whatever that states.
const (
	minDocuments = 1 << 20
	minBytes     = 256 << 20 // of BSON
)

// maxRatio is how many bytes of BSON a byte of the object may become. JSON of real documents compresses to a tenth, seldom to a fiftieth.
const maxRatio = 100

// limits is how much a restore takes from its object.
type limits struct {
	documents, bytes int64 // of BSON
}

// defaults returns the limits for an object of size bytes that states how much is in it, or does not. What it states lowers the limits and
// never raises them: whoever wrote the object wrote that, too. A collection may have doubled while it was backed up.
func defaultLimits(size int64, stated cli.SizeHint, states bool) limits {
	l := limits{
		documents: max(minDocuments, size), // a document takes a byte of the object at least
		bytes:     max(minBytes, saturatingMul(size, maxRatio)),
	}
	if states {
		l.documents = min(l.documents, saturatingAdd(minDocuments, saturatingMul(stated.Documents, 2)))
		l.bytes = min(l.bytes, saturatingAdd(minBytes, saturatingMul(stated.Bytes, 2)))
	}
	return l
}

// times returns a × b, and plus a + b, or the largest number if that is less. a and b are not negative.
func saturatingMul(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64/b {
		return math.MaxInt64
	}
	return a * b
}

func saturatingAdd(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// limits returns what the command line says, or the defaults for the object.
func (j *job) limits() limits {
	stated, states := cli.ParseSizeHint(j.object.Metadata)
	l := defaultLimits(aws.ToInt64(j.object.ContentLength), stated, states)
	if j.maxDocuments > 0 {
		l.documents = j.maxDocuments
	}
	if j.maxSize > 0 {
		l.bytes = int64(j.maxSize)
	}
	return l
}

// limited returns src, which ends with an error if it has more than the restore may take.
func (j *job) limit(src stream.Source[bson.Raw]) stream.Source[bson.Raw] {
	l := j.limits()
	return stream.Via2(src, stream.Limit[bson.Raw](l.documents), stream.LimitBytes(l.bytes, stream.ByteLen[bson.Raw]))
}

// explainLimit says how to restore more than the limits allow, and why not to do so at once.
func (j *job) explainLimit(err error) error {
	var passed *stream.LimitError
	if !errors.As(err, &passed) {
		return err
	}
	l := j.limits()
	what, flag := "more than "+cli.Documents(l.documents), "-max-documents"
	if passed.Unit == "bytes" {
		what, flag = "more than "+cli.Bytes(l.bytes)+" of BSON", "-max-size"
	}
	return cli.Errorf("%s, of %s, has %s, which is much for it%s: if you trust who wrote it, raise %s (%w)",
		j.s3.URL(), cli.Bytes(aws.ToInt64(j.object.ContentLength)), what, j.sizeHintText(), flag, err)
}

// statedWords returns what the object states of its size, in words.
func (j *job) sizeHintText() string {
	stated, ok := cli.ParseSizeHint(j.object.Metadata)
	if !ok {
		return ""
	}
	return ", and states about " + cli.Documents(stated.Documents) + " of " + cli.Bytes(stated.Bytes)
}

// compare warns if the object had much less than it states. It states what the collection had when the backup began.
func (j *job) warnIfFewer() {
	stated, ok := cli.ParseSizeHint(j.object.Metadata)
	if got := j.parsed.Elements(); ok && got < stated.Documents/2 {
		j.program.Warn(cli.Textf("%s has %s, and states about %s: look whether it is the backup that you want",
			j.s3.URL(), cli.Documents(got), cli.Documents(stated.Documents)),
			"fewer documents than stated", "documents", got, "stated_documents", stated.Documents, "stated_bytes", stated.Bytes)
	}
}
