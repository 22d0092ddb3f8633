package s3sink

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3reply"
)

// tries looks at every try that the SDK makes of one request: it bounds each in time and remembers whether one of them may have been
// carried out although its reply does not say so, or may be yet.
type tries struct {
	timeout  time.Duration
	unsigned bool
	retryOn  []string                            // codes to be retried as well as the SDK's
	onRetry  func(err error, wait time.Duration) // called before the SDK waits; may be nil

	credentials aws.CredentialsProvider

	mu     sync.Mutex
	looked bool // it is the client's to call options: one that leaves them out shows no try
	vague  bool // a try may have been carried out
	silent bool // and it had no reply of the service: it may be carried out yet
}

// options makes a request be looked at.
func (t *tries) options(o *s3.Options) {
	// The checksum is ours, or none is wanted: never a trailer, which many services refuse.
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	if o.Retryer != nil {
		o.Retryer = t.watched(retry.AddWithErrorCodes(o.Retryer, slices.Concat(s3fault.Expired, t.retryOn)...))
	}
	t.credentials = o.Credentials
	t.set(&t.looked)
	s3reply.Guard(o)
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		if t.unsigned {
			if err := v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware(stack); err != nil {
				return err
			}
		}
		return stack.Finalize.Insert(t, "Retry", middleware.After)
	})
}

// ID implements [middleware.FinalizeMiddleware].
func (t *tries) ID() string { return "millweir:tries" }

// HandleFinalize makes one try.
func (t *tries) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	try, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	var begun, written bool
	try = httptrace.WithClientTrace(try, &httptrace.ClientTrace{
		GetConn: func(string) { t.set(&begun) },
		WroteRequest: func(w httptrace.WroteRequestInfo) {
			if w.Err == nil {
				t.set(&written)
			}
		},
	})
	out, meta, err := next.HandleFinalize(try, in)
	if err != nil && s3fault.Status(err) == 0 && try.Err() != nil && ctx.Err() == nil {
		// Not the SDK's own error, which it would take for a cancellation and not retry.
		err = &smithyhttp.RequestSendError{Err: fmt.Errorf("no reply within %v: %w", t.timeout, os.ErrDeadlineExceeded)}
	}
	if c, cached := t.credentials.(interface{ Invalidate() }); cached && slices.Contains(s3fault.Expired, s3fault.Code(err)) {
		c.Invalidate() // so that the next try asks for new ones
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// What was not sent to its end was not carried out. A reply may be here before the transport tells that it has sent the request.
	if vague(err) && (written || !begun || s3fault.Status(err) != 0) {
		t.vague = true
		t.silent = t.silent || unanswered(err)
	}
	return out, meta, err
}

func (t *tries) set(b *bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*b = true
}

// unclear tells whether the request that ended with err may have been carried out, and whether the service may still be at it.
func (t *tries) unclear(err error) (unclear, silent bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case errors.Is(err, errNoETag):
		return true, t.silent
	case !t.looked: // err is all there is to go by
		return !refused(err), unanswered(err)
	}
	return t.vague, t.silent
}

// unanswered tells whether err says that the service itself did not reply: nobody did, or a gateway for it.
func unanswered(err error) bool {
	s := s3fault.Status(err)
	return s == 0 || s == http.StatusBadGateway || s == http.StatusGatewayTimeout
}

// vague tells whether a try that ended with err may have been carried out, if it was sent.
func vague(err error) bool {
	if err == nil || refused(err) {
		return false
	}
	var (
		sent     *smithyhttp.RequestSendError
		canceled *smithy.CanceledError
	)
	return s3fault.Status(err) != 0 || errors.As(err, &sent) || errors.As(err, &canceled)
}
