package main

import (
	"errors"
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/cli"
	"github.com/millweir/millweir/stream"
)

// Every restore may read at least this much, even if its object is small or states less.
const (
	minDocuments = 1 << 20
	minBytes     = 256 << 20 // of BSON
)

// maxRatio is the maximum number of bytes of BSON for each byte of the object. JSON of real
// documents compresses to a tenth, seldom to a fiftieth.
const maxRatio = 100

// limits is the most that a restore accepts from its object.
type limits struct {
	documents, bytes int64 // of BSON
}

// defaultLimits returns the limits for an object of size bytes.
func defaultLimits(size int64) limits {
	return limits{
		documents: max(minDocuments, size), // a document takes at least a byte of the object
		bytes:     max(minBytes, saturatingMul(size, maxRatio)),
	}
}

// lowerTo returns the limits for an object with a hint. A hint never raises them: the writer of the
// object can forge it. They allow for a collection that doubled during its backup.
func (l limits) lowerTo(hint cli.SizeHint) limits {
	return limits{
		documents: min(l.documents, saturatingAdd(minDocuments, saturatingMul(hint.Documents, 2))),
		bytes:     min(l.bytes, saturatingAdd(minBytes, saturatingMul(hint.Bytes, 2))),
	}
}

// saturatingMul returns a × b, or the largest int64 if that is less. a and b are not negative.
func saturatingMul(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64/b {
		return math.MaxInt64
	}
	return a * b
}

// saturatingAdd returns a + b, or the largest int64 if that is less. a and b are not negative.
func saturatingAdd(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// limits returns the limits of the flags, or the defaults for the object.
func (j *job) limits() limits {
	l := defaultLimits(aws.ToInt64(j.object.ContentLength))
	if hint, ok := cli.ParseSizeHint(j.object.Metadata); ok {
		l = l.lowerTo(hint)
	}
	if j.maxDocuments > 0 {
		l.documents = j.maxDocuments
	}
	if j.maxSize > 0 {
		l.bytes = int64(j.maxSize)
	}
	return l
}

// limit returns src, which ends with an error if it has more than the limits allow.
func (j *job) limit(src stream.Source[bson.Raw]) stream.Source[bson.Raw] {
	l := j.limits()
	return stream.Via2(src, stream.Limit[bson.Raw](l.documents), stream.LimitBytes(l.bytes, stream.ByteLen[bson.Raw]))
}

// explainLimit adds to err how to raise the limit, and when that is safe.
func (j *job) explainLimit(err error) error {
	var limitErr *stream.LimitError
	if !errors.As(err, &limitErr) {
		return err
	}
	l := j.limits()
	what, flag := "more than "+cli.Documents(l.documents), "-max-documents"
	if limitErr.Unit == "bytes" {
		what, flag = "more than "+cli.Bytes(l.bytes)+" of BSON", "-max-size"
	}
	return cli.Errorf("%s, of %s, has %s, which is much for it%s: if you trust who wrote it, raise %s (%w)",
		j.s3.URL(), cli.Bytes(aws.ToInt64(j.object.ContentLength)), what, j.sizeHintText(), flag, err)
}

// sizeHintText returns the object's size hint in words, or "".
func (j *job) sizeHintText() string {
	hint, ok := cli.ParseSizeHint(j.object.Metadata)
	if !ok {
		return ""
	}
	return ", and states about " + cli.Documents(hint.Documents) + " of " + cli.Bytes(hint.Bytes)
}

// warnIfFewer warns if the object had less than half of the documents that its size hint states.
func (j *job) warnIfFewer() {
	hint, ok := cli.ParseSizeHint(j.object.Metadata)
	if got := j.parsed.Elements(); ok && got < hint.Documents/2 {
		j.program.Warn(cli.Textf("%s has %s, and states about %s: look whether it is the backup that you want",
			j.s3.URL(), cli.Documents(got), cli.Documents(hint.Documents)),
			"fewer documents than stated",
			"documents", got, "stated_documents", hint.Documents, "stated_bytes", hint.Bytes)
	}
}
