package s3fault_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/s3fault"
)

// TestReport has texts that are not safe to print, and replies that name the right host or region.
func TestReport(t *testing.T) {
	replied := func(status int, header http.Header) error {
		reply := &http.Response{StatusCode: status, Header: header}
		return operation(&smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: reply}, Err: errors.New("no"),
		})
	}
	for _, c := range []struct {
		err       error
		want, not string // text that must occur, and text that must not
	}{
		{errors.New("Put http://user:pass@host/b/k?token=x: EOF"), "Put http://host: EOF", "pass"},
		{errors.New("\x1b[31m\u202e" + strings.Repeat("x", 5000)), `\x1b[31m\u202exxx`, "\x1b"},
		{
			replied(301, http.Header{"X-Amz-Bucket-Region": {"eu-north-1\u202e"}}),
			`(the bucket is in region eu-north-1\u202e: use`, "\u202e",
		},
		{replied(400, http.Header{"X-Amz-Bucket-Region": {"eu-north-1"}}), "in region eu-north-1", "redirects"},
		{
			replied(307, http.Header{"Location": {"http://\u202eelse.where/secret"}}),
			`redirects to host "\u202eelse.where"`, "secret",
		},
		{replied(307, http.Header{"Location": {"https://amazonaws.com/badhttpredirectlocation"}}), "no", "redirects"},
		{replied(400, http.Header{"Location": {"http://else.where/"}}), "no", "redirects"},
		{
			replied(500, http.Header{"X-Amz-Bucket-Region": {"eu-north-1"}, "Location": {"http://else.where/"}}), "no",
			"north",
		},
	} {
		got := s3fault.Report(c.err)
		if text := got.Error(); !strings.Contains(text, c.want) || strings.Contains(text, c.not) || len(text) > 2000 ||
			!errors.Is(got, c.err) {
			t.Errorf("%.100q became %.300q, want %q in it and not %q", c.err, text, c.want, c.not)
		}
	}
	plain := errors.New("plain")
	if got := s3fault.Report(plain); got != plain { //nolint:errorlint // it is the same
		t.Errorf("a text that is fine became %#v", got)
	}
	if s3fault.Report(nil) != nil {
		t.Error("no error became one")
	}
}
