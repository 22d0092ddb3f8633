package mongoerr

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/ocsp"
)

// untrusted reports whether the TLS handshake failed for a permanent reason.
func untrusted(err error) bool {
	var (
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		alert     tls.AlertError
		header    tls.RecordHeaderError
		status    *ocsp.Error
	)
	switch {
	case errors.As(err, &verify), errors.As(err, &authority), errors.As(err, &hostname),
		errors.As(err, &invalid), errors.As(err, &alert), errors.As(err, &header), errors.As(err, &status):
		return true
	}
	return alerted(err) || strings.Contains(err.Error(), withoutStaple)
}

// withoutStaple is part of the text of a driver error that has no type.
const withoutStaple = "certificate with the Must-Staple extension"

// alerted reports whether err is an alert by which the server refuses the client: its certificate,
// or the TLS parameters that it offers.
func alerted(err error) bool {
	remote, ok := errors.AsType[*net.OpError](err)
	return ok && remote.Op == "remote error" && slices.ContainsFunc(refusing, func(alert tls.AlertError) bool {
		return remote.Err.Error() == alert.Error() // crypto/tls does not export the type
	})
}

// refusing lists the alerts that a repetition would meet again
// (https://www.rfc-editor.org/rfc/rfc8446#section-6.2).
var refusing = []tls.AlertError{
	40,  // handshake_failure
	42,  // bad_certificate
	43,  // unsupported_certificate
	44,  // certificate_revoked
	45,  // certificate_expired
	46,  // certificate_unknown
	48,  // unknown_ca
	49,  // access_denied
	70,  // protocol_version
	71,  // insufficient_security
	112, // unrecognized_name
	116, // certificate_required
}
