package s3fault

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/millweir/millweir/internal/printable"
)

// reported is an error of the SDK whose text is fit for a person. The error itself is for errors.Is and errors.As.
type reported struct {
	text string
	err  error
}

func (r *reported) Error() string { return r.text }
func (r *reported) Unwrap() error { return r.err }

// Report returns err, as the SDK returned it, with a text that is safe to print: what a server sent is escaped and cut, of URLs
// only the host is left, and a reply that sends the request elsewhere comes with what to do about it. It keeps an error whose
// text is fine as it is.
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

// hint returns what to do about a reply that sends the request to another host or region, or "".
func hint(err error) string {
	status := Status(err)
	if status != http.StatusBadRequest && (status < 300 || status >= 400) {
		return ""
	}
	if region := Region(err); region != "" {
		return "the bucket is in region " + region + ": use a client for that region"
	}
	host := redirectHost(err)
	if host == "" || status == http.StatusBadRequest {
		return ""
	}
	return "the server redirects to host " + printable.Quote(host) +
		", and no signed request follows: if that is right, make it the client's endpoint"
}

// Region returns the region in which the service says that the bucket is, safe to print, or "".
func Region(err error) string { return printable.Text(replyHeader(err).Get("X-Amz-Bucket-Region")) }

// noLocation is where the SDK says that a redirect leads if it leads nowhere.
const noLocation = "https://amazonaws.com/badhttpredirectlocation"

// sentTo returns the host that a redirect leads to, or "".
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

// replied returns the header of the reply that came with err. It may be nil.
func replyHeader(err error) http.Header {
	var re *smithyhttp.ResponseError
	if errors.As(err, &re) && re.Response != nil && re.Response.Response != nil {
		return re.Response.Header
	}
	return nil
}
