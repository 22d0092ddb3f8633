package s3fault_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/s3fault"
	"github.com/millweir/millweir/stream"
)

// operation wraps err as the SDK does.
func operation(err error) error {
	return &smithy.OperationError{ServiceID: "S3", OperationName: "UploadPart", Err: err}
}

// reply returns the SDK's error for a reply. code "" means a reply without a code.
func reply(status int, code string) error {
	var err error = errors.New("no body")
	if code != "" {
		err = &smithy.GenericAPIError{Code: code}
	}
	reply := &http.Response{StatusCode: status}
	return operation(&smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: reply}, Err: err})
}

// send returns the SDK's error for a request without a reply.
func send(err error) error {
	return operation(&smithyhttp.RequestSendError{Err: &url.Error{Op: "Put", URL: "http://s3", Err: err}})
}

func TestClass(t *testing.T) {
	dial := func(err error) error { return send(&net.OpError{Op: "dial", Err: err}) }
	read := func(err error) error { return send(&net.OpError{Op: "read", Err: os.NewSyscallError("read", err)}) }
	for name, tt := range map[string]struct {
		err  error
		want stream.Class
	}{
		"none":                   {nil, stream.Unclassified},
		"500":                    {reply(500, "InternalError"), stream.Retryable},
		"500 without a code":     {reply(500, ""), stream.Retryable},
		"502":                    {reply(502, ""), stream.Retryable},
		"503 SlowDown":           {reply(503, "SlowDown"), stream.Throttled},
		"503 ServiceUnavailable": {reply(503, "ServiceUnavailable"), stream.Throttled},
		"503 without a code":     {reply(503, ""), stream.Throttled},
		"504":                    {reply(504, "GatewayTimeout"), stream.Retryable},
		"429":                    {reply(429, ""), stream.Throttled},
		"400 with its code":      {reply(400, "ThrottlingException"), stream.Throttled},
		"error in a 200":         {reply(200, "InternalError"), stream.Retryable},
		"slow down in a 200":     {reply(200, "SlowDown"), stream.Throttled},
		"refusal in a 200":       {reply(200, "AccessDenied"), stream.Fatal},
		"501":                    {reply(501, "NotImplemented"), stream.Fatal},
		"505":                    {reply(505, ""), stream.Fatal},
		"301":                    {reply(301, "PermanentRedirect"), stream.Fatal},
		"400":                    {reply(400, "InvalidArgument"), stream.Fatal},
		"400 too slow":           {reply(400, "RequestTimeout"), stream.Retryable},
		"400 damaged":            {reply(400, "BadDigest"), stream.Retryable},
		"400 cut":                {reply(400, "IncompleteBody"), stream.Retryable},
		"400 ExpiredToken":       {reply(400, "ExpiredToken"), stream.Retryable},
		"400, body broken off":   {fmt.Errorf("%w: %w", reply(400, ""), io.ErrUnexpectedEOF), stream.Retryable},
		"401":                    {reply(401, ""), stream.Fatal},
		"403":                    {reply(403, "AccessDenied"), stream.Fatal},
		"403 clock":              {reply(403, "RequestTimeTooSkewed"), stream.Fatal},
		"403 signature":          {reply(403, "SignatureDoesNotMatch"), stream.Fatal},
		"404":                    {reply(404, "NoSuchKey"), stream.Fatal},
		"404 bucket":             {reply(404, "NoSuchBucket"), stream.Fatal},
		"404 upload":             {reply(404, "NoSuchUpload"), stream.Retryable},
		"408":                    {reply(408, ""), stream.Retryable},
		"409 at work":            {reply(409, "OperationAborted"), stream.Retryable},
		"409 condition":          {reply(409, "ConditionalRequestConflict"), stream.Retryable},
		"409":                    {reply(409, "BucketNotEmpty"), stream.Fatal},
		"412":                    {reply(412, "PreconditionFailed"), stream.Fatal},
		"403 archived":           {reply(403, "InvalidObjectState"), stream.Fatal},
		"reset":                  {read(syscall.ECONNRESET), stream.Retryable},
		"broken pipe": {
			send(&net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}),
			stream.Retryable,
		},
		"reset while writing":  {send(&net.OpError{Op: "write", Err: net.ErrClosed}), stream.Retryable},
		"FIN":                  {send(io.EOF), stream.Retryable},
		"FIN in a reply":       {send(io.ErrUnexpectedEOF), stream.Retryable},
		"200 that is no reply": {reply(200, ""), stream.Fatal},
		"refused":              {dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), stream.Retryable},
		"no such host":         {dial(&net.DNSError{Err: "no such host", IsNotFound: true}), stream.Fatal},
		"name server gone":     {dial(&net.DNSError{Err: "server misbehaving", IsTemporary: true}), stream.Retryable},
		"timeout":              {send(os.ErrDeadlineExceeded), stream.Retryable},
		"deadline":             {operation(&smithy.CanceledError{Err: context.DeadlineExceeded}), stream.Retryable},
		"canceled":             {operation(&smithy.CanceledError{Err: context.Canceled}), stream.Canceled},
		"HTTP/2 went away":     {send(errors.New("http2: server sent GOAWAY")), stream.Retryable},
		"unknown authority":    {send(x509.UnknownAuthorityError{}), stream.Fatal},
		"wrong host": {
			send(x509.HostnameError{Certificate: &x509.Certificate{}, Host: "s3"}),
			stream.Fatal,
		},
		"not serializable":       {operation(&smithy.SerializationError{Err: errors.New("no bucket")}), stream.Fatal},
		"a client's own":         {errors.New("a client's own"), stream.Unclassified},
		"a client's own, marked": {stream.Mark(errors.New("a client's own"), stream.Data), stream.Data},
		"credentials, timeout": {
			operation(fmt.Errorf("get credentials: %w", os.ErrDeadlineExceeded)),
			stream.Retryable,
		},
		"credentials": {operation(errors.New("get credentials: none")), stream.Fatal},
	} {
		if got := s3fault.Class(tt.err); got != tt.want {
			t.Errorf("%s: %v, want %v (%v)", name, got, tt.want, tt.err)
		}
		if got := stream.ClassOf(s3fault.Mark(tt.err)); tt.err != nil && got != tt.want {
			t.Errorf("%s: marked %v, want %v", name, got, tt.want)
		}
	}
}
