package s3fault

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/printable"
)

// reported is an error of the SDK with a text that is safe to print. errors.Is and errors.As see
// the SDK's error.
type reported struct {
	text string
	err  error
}

func (r *reported) Error() string { return r.text }
func (r *reported) Unwrap() error { return r.err }

// Report returns err, an error of the SDK, with a text that is safe to print. The text of a server
// is escaped and cut, and only the host of a URL is shown. For a redirect it adds what to do about
// it, and for plain http to a server that expects TLS. It returns err itself if its text is already
// safe.
func Report(err error) error {
	if err == nil {
		return nil
	}
	text := printable.Text(printable.HideURLs(err.Error()))
	if hint := hint(err); hint != "" {
		text += " (" + hint + ")"
	}
	if text == err.Error() {
		return err
	}
	return &reported{text, err}
}

// hint returns what to do about a reply that redirects the request to another host or region, or
// comes from a server that expects TLS, or "".
func hint(err error) string {
	status := Status(err)
	if status != http.StatusBadRequest && (status < 300 || status >= 400) {
		return ""
	}
	if region := Region(err); region != "" {
		return "the bucket is in region " + region + ": use a client for that region"
	}
	if status == http.StatusBadRequest && notOfService(err) && overHTTP(err) {
		return "the request was sent over http: if the endpoint speaks https, its URL must begin with https"
	}
	host := redirectHost(err)
	if host == "" || status == http.StatusBadRequest {
		return ""
	}
	return "the server redirects to host " + printable.Quote(host) +
		", and no signed request follows: if that is right, make it the client's endpoint"
}

// notOfService reports whether the reply in err has neither an error code nor the id that S3 gives
// each request. A server that expects TLS replies so.
func notOfService(err error) bool {
	code := Code(err)
	return (code == "" || code == "BadRequest") && replyHeader(err).Get("X-Amz-Request-Id") == ""
}

// overHTTP reports whether the request of err was sent without TLS.
func overHTTP(err error) bool {
	var re *smithyhttp.ResponseError
	if !errors.As(err, &re) || re.Response == nil || re.Response.Response == nil || re.Response.Request == nil {
		return false
	}
	u := re.Response.Request.URL
	return u != nil && u.Scheme == "http"
}

// Region returns the region of the bucket in the reply of err, safe to print, or "".
func Region(err error) string { return printable.Text(replyHeader(err).Get("X-Amz-Bucket-Region")) }

// noLocation is the SDK's Location for a redirect without a target.
const noLocation = "https://amazonaws.com/badhttpredirectlocation"

// redirectHost returns the target host of a redirect, or "".
func redirectHost(err error) string {
	location := replyHeader(err).Get("Location")
	if strings.EqualFold(location, noLocation) {
		return ""
	}
	u, perr := url.Parse(location)
	if perr != nil {
		return ""
	}
	return u.Host
}

// replyHeader returns the header of the reply in err. It may be nil.
func replyHeader(err error) http.Header {
	var re *smithyhttp.ResponseError
	if errors.As(err, &re) && re.Response != nil && re.Response.Response != nil {
		return re.Response.Header
	}
	return nil
}
