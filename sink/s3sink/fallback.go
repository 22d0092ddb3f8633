package s3sink

import (
	"net/http"
	"slices"
	"strings"

	"github.com/millweir/millweir/internal/s3fault"
)

// checksum returns the checksum in use.
func (q *requests) checksum() Checksum { return Checksum(q.inUse.Load()) }

// algorithm returns the algorithm in use.
func (q *requests) algorithm() *algorithm { return algorithms[q.checksum()] }

// fallBack changes to another checksum if the request of t failed because the service refuses the
// one in use. It reports whether the request should be repeated.
func (q *requests) fallBack(err error, t *attempts, used *algorithm) bool {
	if q.opts.Checksum != ChecksumAuto || t.keepChecksum || !used.sent() || !refusesChecksum(err) {
		return false
	}
	q.inUse.Store(int64(ChecksumMD5)) // parallel parts may do this several times
	return true
}

// refusesChecksum reports whether err is the refusal of a header about checksums or the size of the
// object: 400, 403 or 501 that names it, or 501 about anything. A text that says that the value does
// not match means that the service knows the header, and the object is not the one that was sent.
func refusesChecksum(err error) bool {
	if slices.Contains(s3fault.Damaged, s3fault.Code(err)) {
		return false
	}
	text := strings.ToLower(err.Error())
	named := (strings.Contains(text, "checksum") || strings.Contains(text, "mp-object-size")) &&
		!strings.Contains(text, "match")
	switch s3fault.Status(err) {
	case http.StatusNotImplemented:
		return true
	case http.StatusBadRequest, http.StatusForbidden:
		return named
	}
	return false
}
