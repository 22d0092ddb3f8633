package s3sink

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/guarded"
	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/stream"
)

// DeleteAPI is the part of *s3.Client that [Delete] uses.
type DeleteAPI interface {
	DeleteObjects(context.Context, *s3.DeleteObjectsInput, ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error)
	DeleteObject(context.Context, *s3.DeleteObjectInput, ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
}

// ObjectID names an object or one version of it.
type ObjectID struct {
	Key       string
	VersionID string // "" means the current version: in a bucket with versions a delete marker is added
}

// DeleteOptions tunes [Delete]. The zero value is ready to use.
type DeleteOptions struct {
	BatchSize int // keys in a request, 1 to 1,000; 0 means 1,000

	// BypassGovernance deletes versions that are retained in governance mode too. It needs the
	// right s3:BypassGovernanceRetention.
	BypassGovernance bool

	// OnError is called for each object that was not deleted, with a [*DeleteError]. If it returns
	// nil, the run goes on; otherwise it ends with that error. If OnError is nil, the run ends with
	// the first error.
	OnError func(ObjectID, error) error

	// RetryTimeout limits how long a request, or an object that the service could not delete, is
	// repeated after transient failures, after the client's own retries. If OnError goes on, the
	// next objects share this time, until one is deleted. 0 means 5 minutes; a negative time means
	// never.
	RetryTimeout time.Duration
	// OnRetry is called before each wait, on the goroutine that runs the sink. nil means no call.
	OnRetry func(err error, wait time.Duration)
}

// DeleteResult counts the objects of a run, even if it failed.
type DeleteResult struct {
	Deleted int64 // the service confirmed; objects that did not exist are among them
	Failed  int64 // the service refused, and OnError went on
}

// DeleteError is the reason why one object was not deleted.
type DeleteError struct {
	ID   ObjectID
	Code string // the service's error code, such as "AccessDenied"
	err  error
}

// Error implements error.
func (e *DeleteError) Error() string {
	version := ""
	if e.ID.VersionID != "" {
		version = " version " + printable.Text(e.ID.VersionID)
	}
	return fmt.Sprintf("s3sink: delete %s%s: %v", printable.Text(e.ID.Key), version, e.err)
}

// Class returns the class of the cause: Fatal for a refusal.
func (e *DeleteError) Class() stream.Class {
	if c := stream.ClassOf(e.err); c != stream.Unclassified {
		return c
	}
	return stream.Fatal
}

// Unwrap returns the cause.
func (e *DeleteError) Unwrap() error { return e.err }

// Delete returns a sink that deletes objects, up to 1,000 a request. An object that does not exist
// counts as deleted, as in S3.
//
//   - In: objects or versions, in any order. The same one may come twice.
//   - Result: the number of deleted objects. Each was confirmed by the service: a reply that does
//     not name every object of its request is an error.
//   - Memory: one batch.
//   - Goroutines: none; one request at a time.
//   - Errors: a [*DeleteError] for an object that the service refuses, otherwise the SDK's,
//     wrapped. Objects of the last request may then be deleted or not. To delete again is safe; in
//     a bucket with versions it adds a delete marker more.
//   - Compatibility: the body has a Content-MD5, which every service accepts. Objects go one by one
//     to a service that does not know the request, and if XML cannot represent their key.
//   - Rights: s3:DeleteObject, and for a version s3:DeleteObjectVersion.
func Delete(client DeleteAPI, bucket string, opts *DeleteOptions) stream.Sink[ObjectID, DeleteResult] {
	d := deletion{client: client, bucket: bucket}
	if opts != nil {
		d.opts = *opts
	}
	if d.opts.BatchSize == 0 {
		d.opts.BatchSize = maxDelete
	}
	if d.opts.RetryTimeout == 0 {
		d.opts.RetryTimeout = s3retry.DefaultTimeout
	}
	invalid := d.check()
	return stream.SinkFunc[ObjectID, DeleteResult](func(ctx context.Context, src stream.Source[ObjectID]) (
		DeleteResult, error,
	) {
		if invalid != nil {
			return DeleteResult{}, invalid
		}
		policy := &s3retry.Policy{Timeout: d.opts.RetryTimeout}
		run := &deleteRun{deletion: d, policy: policy, busy: policy.Loop()}
		err := guarded.Each(ctx, src, func(id ObjectID) error { return run.add(ctx, id) })
		if err == nil {
			err = run.flush(ctx)
		}
		return run.result, err
	})
}

// maxDelete is the greatest number of objects in a request:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
const maxDelete = 1000

// deletion is a checked [Delete].
type deletion struct {
	client DeleteAPI
	bucket string
	opts   DeleteOptions
}

func (d *deletion) check() error {
	switch {
	case d.client == nil:
		return badDelete("the client is nil")
	case d.bucket == "":
		return badDelete("the bucket's name is empty")
	case d.opts.BatchSize < 1 || d.opts.BatchSize > maxDelete:
		return badDelete("BatchSize is %d, want 1 to %d", d.opts.BatchSize, maxDelete)
	}
	return nil
}

// badDelete returns the fatal error of a bad parameter.
func badDelete(format string, args ...any) error {
	return stream.Mark(fmt.Errorf("s3sink: delete: "+format, args...), stream.Fatal)
}
