package s3sink

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/printable"
	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/internal/s3wire"
	"github.com/millweir/millweir/stream"
)

// deleteRun is one run of a [Delete].
type deleteRun struct {
	deletion
	policy   *s3retry.Policy
	busy     *s3retry.Loop // objects in a row that failed for transient reasons
	batch    []ObjectID
	size     int  // bytes of the batch's reply, at most
	oneByOne bool // the service does not know DeleteObjects

	unconfirmed int // replies in a row that do not name every object
	result      DeleteResult
}

// maxDeleteReply is less than the greatest reply that is read ([s3reply.Max]).
const maxDeleteReply = 900 << 10

// add adds an object to the batch, and deletes a full batch.
func (r *deleteRun) add(ctx context.Context, id ObjectID) error {
	if id.Key == "" || len(id.Key) > maxKey || !utf8.ValidString(id.Key) {
		return r.failed(id, "", stream.Mark(errors.New("no object has such a key"), stream.Fatal))
	}
	if r.oneByOne || !xmlSafe(id.Key) {
		return r.deleteOne(ctx, id)
	}
	size := 6*len(id.Key) + len(id.VersionID) + 200 // an escape has up to 6 bytes
	if r.size+size > maxDeleteReply {
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	r.batch, r.size = append(r.batch, id), r.size+size
	if len(r.batch) < r.opts.BatchSize {
		return nil
	}
	return r.flush(ctx)
}

// xmlSafe reports whether an XML document can have the key, and has it unchanged after a parser has
// read it.
func xmlSafe(key string) bool {
	for _, c := range key {
		if c < ' ' || c == 0xfffe || c == 0xffff {
			return false
		}
	}
	return true
}

// flush deletes the batch. It repeats the objects that the service could not delete for a transient
// reason.
func (r *deleteRun) flush(ctx context.Context) error {
	before := r.result.Deleted
	for len(r.batch) > 0 {
		refused, err := s3retry.Do(ctx, r.policy, r.opts.OnRetry, func() ([]*DeleteError, error) {
			return r.deleteBatch(ctx)
		})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && unknownRequest(err):
			return r.deleteOneByOne(ctx)
		case err != nil:
			return fmt.Errorf("s3sink: delete %d objects in %s: %w", len(r.batch), r.bucket, err)
		}
		r.policy.Answered()
		r.result.Deleted += int64(len(r.batch) - len(refused))
		if err := r.settle(ctx, refused); err != nil {
			return err
		}
	}
	if r.result.Deleted > before {
		r.busy.Progress()
	}
	r.size = 0
	return nil
}

// settle makes the objects of refused that may be deleted later the next batch, after a wait. The
// others have failed.
func (r *deleteRun) settle(ctx context.Context, refused []*DeleteError) error {
	var again []*DeleteError
	for _, e := range refused {
		if r.policy.Transient(e.err) {
			again = append(again, e)
		} else if err := r.failed(e.ID, e.Code, e.err); err != nil {
			return err
		}
	}
	r.batch = r.batch[:0]
	if len(again) == 0 {
		return nil
	}
	wait, ok := r.busy.Again()
	for _, e := range again {
		if ok {
			r.batch = append(r.batch, e.ID)
		} else if err := r.failed(e.ID, e.Code, e.err); err != nil {
			return err
		}
	}
	if !ok {
		return nil
	}
	if r.opts.OnRetry != nil {
		r.opts.OnRetry(again[0], wait)
	}
	if !s3retry.Sleep(ctx, wait) {
		return context.Cause(ctx)
	}
	return nil
}

// failed counts an object that was not deleted. It returns the error that ends the run.
func (r *deleteRun) failed(id ObjectID, code string, cause error) error {
	err := error(&DeleteError{id, code, cause})
	if r.opts.OnError != nil {
		err = r.opts.OnError(id, err)
	}
	if err == nil {
		r.result.Failed++
	}
	return err
}

// deleteBatch sends one request. It returns the objects that the service refused to delete.
func (r *deleteRun) deleteBatch(ctx context.Context) ([]*DeleteError, error) {
	tries := pendingTries()
	objects := make([]types.ObjectIdentifier, 0, len(r.batch))
	for i := range r.batch {
		objects = append(objects, types.ObjectIdentifier{
			Key: &r.batch[i].Key, VersionId: s3wire.NonEmpty(r.batch[i].VersionID),
		})
	}
	out, err := r.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &r.bucket, Delete: &types.Delete{Objects: objects}, BypassGovernanceRetention: r.bypass(),
	}, tries.options, withContentMD5, r.reportRetries)
	if err != nil {
		return nil, s3fault.Mark(err)
	}
	return r.outcomes(out)
}

// outcomes reads the outcome of every object of the batch from a reply.
func (r *deleteRun) outcomes(out *s3.DeleteObjectsOutput) ([]*DeleteError, error) {
	open := make(map[ObjectID]int, len(r.batch)) // how often each is in the batch
	for _, id := range r.batch {
		open[id]++
	}
	name := func(key, version *string) ObjectID {
		id := ObjectID{aws.ToString(key), aws.ToString(version)}
		if open[id] == 0 { // some services name the version that they deleted
			id.VersionID = ""
		}
		return id
	}
	var refused []*DeleteError
	for _, e := range out.Errors {
		id := name(e.Key, e.VersionId)
		cause := &smithy.GenericAPIError{
			Code: printable.Text(aws.ToString(e.Code)), Message: printable.Text(aws.ToString(e.Message)),
		}
		for range open[id] {
			refused = append(refused, &DeleteError{id, cause.Code, s3fault.Mark(cause)})
		}
		delete(open, id)
	}
	for _, d := range out.Deleted {
		delete(open, name(d.Key, d.VersionId))
	}
	if len(open) > 0 {
		err := fmt.Errorf("%w: %d of %d", errUnconfirmed, len(open), len(r.batch))
		if r.unconfirmed++; r.unconfirmed > maxBadReplies { // the service sends nothing else
			return nil, stream.Mark(err, stream.Fatal)
		}
		return nil, err
	}
	r.unconfirmed = 0
	return refused, nil
}

// errUnconfirmed reports a reply that does not name every object. To send the request again is
// safe; a proxy may have made up the reply.
var errUnconfirmed = stream.Mark(errors.New("the reply does not say what became of all objects"), stream.Retryable)

// unknownRequest reports whether the service does not know DeleteObjects.
func unknownRequest(err error) bool {
	status, code := s3fault.Status(err), s3fault.Code(err)
	return status == http.StatusNotImplemented || status == http.StatusMethodNotAllowed || code == "NotImplemented" ||
		code == "MethodNotAllowed"
}

// deleteOneByOne deletes the batch, and from now on every object, with a request each.
func (r *deleteRun) deleteOneByOne(ctx context.Context) error {
	r.oneByOne = true
	batch := r.batch
	r.batch = nil
	for _, id := range batch {
		if err := r.deleteOne(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (r *deleteRun) deleteOne(ctx context.Context, id ObjectID) error {
	_, err := s3retry.DoWithin(ctx, r.busy, r.opts.OnRetry, func() (*s3.DeleteObjectOutput, error) {
		tries := pendingTries()
		out, err := r.client.DeleteObject(ctx, &s3.DeleteObjectInput{
			Bucket: &r.bucket, Key: &id.Key, VersionId: s3wire.NonEmpty(id.VersionID),
			BypassGovernanceRetention: r.bypass(),
		}, tries.options, wantEmptyReply, r.reportRetries)
		return out, s3fault.Mark(err)
	})
	switch {
	case err == nil, s3fault.Code(err) == "NoSuchKey", s3fault.Code(err) == "NoSuchVersion":
		r.policy.Answered()
		r.busy.Progress()
		r.result.Deleted++
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return r.failed(id, s3fault.Code(err), err)
}

func (r *deleteRun) bypass() *bool {
	if !r.opts.BypassGovernance {
		return nil
	}
	return aws.Bool(true)
}

// reportRetries reports the client's own retries to OnRetry.
func (r *deleteRun) reportRetries(o *s3.Options) {
	o.Retryer = s3retry.Notify(o.Retryer, r.opts.OnRetry)
}

// withContentMD5 sends a Content-MD5 with the body, which DeleteObjects requires, instead of the
// SDK's CRC32: services without checksums reject that.
func withContentMD5(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		for _, id := range []string{
			"AWSChecksum:SetupInputContext", "AWSChecksum:ComputeInputPayloadChecksum", "addInputChecksumTrailer",
		} {
			_, _ = stack.Initialize.Remove(id) // each is in one of the steps, if the SDK still has it
			_, _ = stack.Finalize.Remove(id)
		}
		return smithyhttp.AddContentChecksumMiddleware(stack)
	})
}
