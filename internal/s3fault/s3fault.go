// Package s3fault classifies what the AWS SDK reports: which errors are worth another try, and which are not. It also makes
// their texts safe to print.
package s3fault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/stream"
)

var (
	// Expired are the codes of credentials that were good for a time: the next try may have new ones.
	Expired = []string{"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}

	// Damaged are the codes of a body that was changed on its way.
	Damaged = []string{"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}

	// passing are other codes of refusals that may not come again: of a request that was too slow, of one that met another at
	// work, and of an upload that someone else aborted, which a new upload replaces.
	transient = []string{"RequestTimeout", "IncompleteBody", "OperationAborted", "ConditionalRequestConflict", "NoSuchUpload"}
)

// Mark returns err, as the SDK returned it, with its class and with a text that is safe to print, as [Report] has it.
func Mark(err error) error { return stream.Mark(Report(err), Class(err)) }

// Class returns the class of err, as the SDK returned it. It knows nothing about what the request may have done: that the outcome
// is unknown is for the caller to say.
func Class(err error) stream.Class {
	switch status, code := Status(err), Code(err); {
	case err == nil:
		return stream.Unclassified
	case Busy(err):
		return stream.Throttled
	case slices.Contains(transient, code), slices.Contains(Expired, code), slices.Contains(Damaged, code):
		return stream.Retryable
	case status == http.StatusNotImplemented, status == http.StatusHTTPVersionNotSupported:
		return stream.Fatal
	case status >= 500, status == http.StatusRequestTimeout:
		return stream.Retryable
	case status >= 300:
		return stream.Fatal
	case code == "InternalError": // in a reply with status 200
		return stream.Retryable
	}
	return unanswered(err)
}

// unanswered returns the class of an error that came without a refusal by the service.
func unanswered(err error) stream.Class {
	var (
		host    *net.DNSError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		trust   *tls.CertificateVerificationError
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		signer  x509.UnknownAuthorityError
		send    *smithyhttp.RequestSendError
		api     smithy.APIError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return stream.Canceled
	case errors.As(err, &host) && host.IsNotFound:
		return stream.Fatal
	case errors.As(err, &record), errors.As(err, &alert), errors.As(err, &trust), errors.As(err, &invalid), errors.As(err, &name), errors.As(err, &signer):
		return stream.Fatal
	case Broken(err):
		return stream.Retryable
	}
	if c := stream.ClassOf(err); c != stream.Unclassified {
		return c
	}
	switch {
	case errors.As(err, &send):
		return stream.Retryable // the connection failed in a way of its own
	case errors.As(err, &api):
		return stream.Fatal
	}
	var op *smithy.OperationError
	if errors.As(err, &op) { // the SDK could not make the request, or not read the reply
		return stream.Fatal
	}
	return stream.Unclassified
}

// Broken reports whether err says that a connection ended too early, in an orderly way or not.
func Broken(err error) bool {
	// The HTTP client closes a connection whose end it reads, and a write may meet that before it meets the reset.
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// Busy reports whether err says that the service does nothing for now.
func Busy(err error) bool {
	s := Status(err)
	_, throttled := retry.DefaultThrottleErrorCodes[Code(err)]
	return throttled || s == http.StatusServiceUnavailable || s == http.StatusTooManyRequests
}

// Code returns the service's code of err, or "".
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// Status returns the HTTP status that came with err, or 0 when no reply did.
func Status(err error) int {
	var re *smithyhttp.ResponseError
	if errors.As(err, &re) && re.Response != nil && re.Response.Response != nil {
		return re.HTTPStatusCode()
	}
	return 0
}
