// Package s3fault classifies the errors of the AWS SDK, and makes their texts safe to print.
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
	// Expired are the error codes of expired credentials. The next attempt may have new ones.
	Expired = []string{"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}

	// Damaged are the error codes of a request body that was changed on the way.
	Damaged = []string{"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}

	// transient are other error codes that may not recur: a request that was too slow, a conflict
	// with another request, and an upload that another client aborted, which a new upload replaces.
	transient = []string{
		"RequestTimeout", "IncompleteBody", "OperationAborted", "ConditionalRequestConflict", "NoSuchUpload",
	}
)

// Mark returns err, an error of the SDK, with its class and with the safe text of [Report].
func Mark(err error) error { return stream.Mark(Report(err), Class(err)) }

// Class returns the class of err, an error of the SDK. It does not consider what the request may
// have done: the caller must decide if the outcome is unknown.
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
	case status >= 400 && code == "" && Broken(err): // the reply broke off before its code
		return stream.Retryable
	case status >= 300:
		return stream.Fatal
	case code == "InternalError": // in a reply with status 200
		return stream.Retryable
	}
	return unanswered(err)
}

// unanswered returns the class of an error without an error reply of the service.
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
	case errors.As(err, &record), errors.As(err, &alert), errors.As(err, &trust),
		errors.As(err, &invalid), errors.As(err, &name), errors.As(err, &signer):
		return stream.Fatal
	case Broken(err):
		return stream.Retryable
	}
	if c := stream.ClassOf(err); c != stream.Unclassified {
		return c
	}
	switch {
	case errors.As(err, &send):
		return stream.Retryable // the connection failed in another way
	case errors.As(err, &api):
		return stream.Fatal
	}
	var op *smithy.OperationError
	if errors.As(err, &op) { // the SDK could not send the request or read the reply
		return stream.Fatal
	}
	return stream.Unclassified
}

// Broken reports whether err is a connection that ended too early, with or without a reset.
func Broken(err error) bool {
	// The HTTP client closes a connection when it reads its end. A write may then fail with
	// net.ErrClosed before it sees the reset.
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// Busy reports whether the service is too busy to execute requests.
func Busy(err error) bool {
	s := Status(err)
	_, throttled := retry.DefaultThrottleErrorCodes[Code(err)]
	return throttled || s == http.StatusServiceUnavailable || s == http.StatusTooManyRequests
}

// Code returns the service's error code in err, or "".
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// Status returns the HTTP status of the reply in err, or 0 if there was no reply.
func Status(err error) int {
	var re *smithyhttp.ResponseError
	if errors.As(err, &re) && re.Response != nil && re.Response.Response != nil {
		return re.HTTPStatusCode()
	}
	return 0
}
