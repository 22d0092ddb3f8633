package s3sink

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/internal/s3key"
	"github.com/millweir/millweir/internal/s3reply"
	"github.com/millweir/millweir/internal/s3retry"
	"github.com/millweir/millweir/stream"
)

// attempts observes all attempts that the SDK makes of one request. It limits the time of each. It
// records whether the service may have executed one of them without a reply that says so, and
// whether the service may still be executing one.
type attempts struct {
	what     string        // the request, for errors
	timeout  time.Duration // of one attempt
	stall    time.Duration // of one attempt, without a byte; 0 for no limit
	answer   time.Duration // more time until the reply begins
	unsigned bool
	retryOn  []string                            // error codes that are retried as well as the SDK's
	onRetry  func(err error, wait time.Duration) // called before the SDK waits; may be nil

	startedAt    time.Time // by the local clock
	keepChecksum bool      // the service knows the checksum in use: a refusal is about its value

	customerKey s3key.Key
	credentials aws.CredentialsProvider
	dog         atomic.Pointer[watchdog] // of the attempt that is being made; nil for none

	mu            sync.Mutex
	observed      bool // false if the client does not pass on the options
	traced        bool // the HTTP client reports when it begins to send
	maybeApplied  bool // the service may have executed an attempt
	maybeInFlight bool // and it may still do so, because that attempt got no reply
}

// options adds the observer to a request.
func (t *attempts) options(o *s3.Options) {
	// The SDK must not add a checksum: it would send it in a trailer, which many services reject.
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	if o.Retryer != nil {
		o.Retryer = s3retry.Notify(
			retry.AddWithErrorCodes(o.Retryer, slices.Concat(s3fault.Expired, t.retryOn)...), t.onRetry)
	}
	t.credentials = o.Credentials
	t.set(&t.observed)
	if reportsConnections(o.HTTPClient) { // Guard may replace it
		t.set(&t.traced)
	}
	t.customerKey.Options(o)
	s3reply.Guard(o)
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		if t.unsigned {
			if err := v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware(stack); err != nil {
				return err
			}
		}
		if err := stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("millweir:watch", t.watchReply),
			middleware.After); err != nil {
			return err
		}
		return stack.Finalize.Insert(t, "Retry", middleware.After)
	})
}

// ID implements [middleware.FinalizeMiddleware].
func (t *attempts) ID() string { return "millweir:tries" }

// HandleFinalize makes one attempt.
func (t *attempts) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	try, cancel := context.WithCancel(ctx)
	defer cancel()
	dog := watch(cmp.Or(t.stall, t.timeout), t.answer, t.timeout, cancel)
	t.dog.Store(dog)
	var begun, written bool
	try = httptrace.WithClientTrace(try, &httptrace.ClientTrace{
		GetConn: func(string) {
			t.set(&begun)
			dog.ask()
		},
		ConnectStart:         func(string, string) { dog.dial() },
		ConnectDone:          func(string, string, error) { dog.dialed() },
		TLSHandshakeStart:    dog.dial,
		TLSHandshakeDone:     func(tls.ConnectionState, error) { dog.dialed() },
		GotConn:              func(httptrace.GotConnInfo) { dog.take() },
		GotFirstResponseByte: dog.received,
		WroteRequest: func(w httptrace.WroteRequestInfo) {
			if w.Err == nil {
				t.set(&written)
			}
		},
	})
	out, meta, err := next.HandleFinalize(try, in)
	what, limit := dog.stop()
	if err != nil && (s3fault.Status(err) == 0 || isContextError(err)) && what != "" && ctx.Err() == nil {
		// The SDK would take the context's error for a cancellation, and not retry.
		err = withReplyOf(err, &smithyhttp.RequestSendError{
			Err: fmt.Errorf("%s within %v: %w", what, limit, os.ErrDeadlineExceeded),
		})
	}
	expired := slices.Contains(s3fault.Expired, s3fault.Code(err)) ||
		s3fault.Status(err) == http.StatusBadRequest && !hasCode(err) // the reply to a HEAD has no code
	if c, cached := t.credentials.(interface{ Invalidate() }); cached && expired {
		c.Invalidate() // the next attempt asks the provider for new ones
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// The service does not execute a request that was not sent completely. A reply may arrive
	// before the transport reports that it has sent the request.
	unseen := !begun && !t.traced
	if !begun && t.traced && ctx.Err() == nil && errors.As(err, new(*smithyhttp.RequestSendError)) {
		err = stream.Mark(err, stream.Fatal) // it cannot be sent: a header has a newline, for example
	}
	if mayBeApplied(err) && (written || unseen || s3fault.Status(err) != 0) {
		t.maybeApplied = true
		t.maybeInFlight = t.maybeInFlight || noReply(err)
	}
	return out, meta, err
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// withReplyOf returns cause with the reply of err, if a reply had begun.
func withReplyOf(err, cause error) error {
	var re *smithyhttp.ResponseError
	if !errors.As(err, &re) {
		return cause
	}
	return &smithyhttp.ResponseError{Response: re.Response, Err: cause}
}

// watchReply reports the bytes of a reply to the watchdog.
func (t *attempts) watchReply(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	out, meta, err := next.HandleDeserialize(ctx, in)
	if reply, ok := out.RawResponse.(*smithyhttp.Response); ok && reply.Response != nil && reply.Body != nil {
		reply.Body = &watchedBody{reply.Body, t.dog.Load()}
	}
	return out, meta, err
}

// body returns a reader of a request's body that the watchdog sees.
func (t *attempts) body(s *slabs) *slabReader {
	r := s.reader()
	r.onRead = func(rest int) { t.dog.Load().sent(rest) }
	return r
}

// reportsConnections reports whether client reports to a trace that it takes a connection. If it
// takes none, nothing was sent: a header cannot be sent, for example.
func reportsConnections(client s3.HTTPClient) bool {
	switch c := client.(type) {
	case *awshttp.BuildableClient:
		return true
	case *http.Client:
		_, plain := c.Transport.(*http.Transport)
		return plain || c.Transport == nil
	}
	return false
}

func (t *attempts) set(b *bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*b = true
}

// outcome reports whether the service may have executed the request that ended with err, and
// whether it may still be executing it.
func (t *attempts) outcome(err error) (maybeApplied, maybeInFlight bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case errors.Is(err, errNoETag):
		return true, t.maybeInFlight
	case !t.observed: // only the last error is known
		return t.maybeApplied || !refused(err), noReply(err)
	}
	return t.maybeApplied, t.maybeInFlight
}

// noReply reports whether the service itself did not reply: there was no reply, or a gateway's.
func noReply(err error) bool {
	switch s := s3fault.Status(err); s {
	case 0, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	case http.StatusInternalServerError, http.StatusNotImplemented:
		return false
	default:
		return s > http.StatusInternalServerError && !hasCode(err)
	}
}

// hasCode reports whether the reply in err has an error code of S3. If it has none, the SDK makes up
// a code, from the text of the status or not.
func hasCode(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() != "" && api.ErrorCode() != "UnknownError" &&
		api.ErrorMessage() != http.StatusText(s3fault.Status(err))
}

// mayBeApplied reports whether the service may have executed an attempt that ended with err, if the
// attempt was sent.
func mayBeApplied(err error) bool {
	if err == nil || refused(err) {
		return false
	}
	var (
		sent     *smithyhttp.RequestSendError
		canceled *smithy.CanceledError
	)
	return s3fault.Status(err) != 0 || errors.As(err, &sent) || errors.As(err, &canceled)
}
