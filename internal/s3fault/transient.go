package s3fault

import (
	"errors"
	"net"
	"slices"

	"github.com/millweir/millweir/stream"
)

// settled are error codes of the class Retryable whose request does not succeed without a change:
// another run may succeed.
var settled = []string{"NoSuchUpload", "ConditionalRequestConflict"}

// Transient reports whether the request that failed with err may succeed if it is sent again: the
// service is busy or fails, the connection broke off, the body was damaged on the way, or the
// credentials had expired.
func Transient(err error) bool {
	return err != nil && Class(err).Transient() && !slices.Contains(settled, Code(err))
}

// Outage reports whether err is an outage if an earlier request to the same host, with the same
// credentials provider, succeeded. Without such a request it shows wrong settings.
func Outage(err error) bool {
	var (
		host     *net.DNSError
		provider *credentialsError
	)
	return errors.As(err, &host) || errors.As(err, &provider) && Status(err) == 0 && Class(err) != stream.Canceled
}
