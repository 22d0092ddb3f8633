package s3source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3key"
)

// CustomerKey is a key of SSE-C, 32 bytes. Package fmt, JSON and logs do not show them, unless they
// print an unexported field, whose methods they do not call. A []byte can be assigned to it.
type CustomerKey = s3key.CustomerKey

// takeCustomerKey moves the key out of the options, into a value that hides it. It returns an error
// if the key cannot be used.
func (d *download) takeCustomerKey() error {
	key, err := s3key.New(d.opts.CustomerKey)
	if err == nil {
		err = key.CheckClient(d.client)
	}
	if err != nil {
		return invalid("%w", err)
	}
	d.customerKey, d.opts.CustomerKey = key, nil
	return nil
}

// keyError returns what err, a rejection, says about the key, or nil.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
func (r *run) keyError(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return nil
	}
	status, text := s3fault.Status(err), strings.ToLower(api.ErrorMessage())
	aboutKey := status == http.StatusBadRequest && strings.Contains(text, "encryption")
	advice := ""
	switch {
	case aboutKey && !r.customerKey.IsSet():
		advice = "set CustomerKey to the key with which it was stored"
	case aboutKey && strings.Contains(text, "not applicable"):
		advice = "it was stored without a customer's key: leave CustomerKey out"
	case aboutKey:
		advice = "it was stored with another one"
	case r.customerKey.IsSet() && status == http.StatusForbidden && slices.Contains(denied, api.ErrorCode()):
		advice = "it was stored with another one, or the client may not read it"
	default:
		return nil
	}
	return fmt.Errorf("%w: %s: %w", ErrCustomerKey, advice, err)
}

// denied are the codes of the rejection of a wrong key. The second is of a HEAD, which has no body.
var denied = []string{"AccessDenied", "Forbidden"}

// reason returns the error of a GET for one byte, after the rejection of a HEAD, whose reply has no
// body and so no reason. It returns nil if the service accepts the GET.
func (r *run) reason(ctx context.Context) error {
	ctx, w := r.watch(ctx)
	defer w.end()
	w.request()
	in := r.getInput()
	in.Range = aws.String(byteRange(0, 1))
	out, err := r.client.GetObject(ctx, in, r.callOptions(withoutValidation)...)
	switch {
	case s3fault.Status(err) == http.StatusRequestedRangeNotSatisfiable: // the object is empty
		return nil
	case err != nil:
		return orStalled(ctx, r.withSentinel(s3fault.Mark(err)))
	}
	if out.Body != nil {
		_ = out.Body.Close() // only the status counts
	}
	return nil
}

// callOptions returns the options of a request.
func (r *run) callOptions(more ...func(*s3.Options)) []func(*s3.Options) {
	return append(more, r.customerKey.Options, r.reportRetries)
}
