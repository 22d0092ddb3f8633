package stream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/url"
	"reflect"
	"syscall"
)

// guess returns the class of an error without a mark: the class of the standard library's error
// that it wraps.
func guess(err error) Class {
	if err == nil {
		return Unclassified
	}
	for _, known := range []func(error) Class{classOfRun, classOfNetwork, classOfTLS, classOfSystem, classOfTimeout} {
		if c := known(err); c != Unclassified {
			return c
		}
	}
	// No errors.As: guess walks the tree.
	if e, ok := err.(*net.OpError); ok && errors.Is(e, net.ErrClosed) {
		return Unclassified // this process closed the connection
	}
	return guessParts(parts(err))
}

// guessParts returns the class of several errors that one error wraps.
func guessParts(all []error) Class {
	most, canceled := Unclassified, 0
	for _, e := range all {
		c := guess(e)
		if c == Canceled {
			canceled++
			continue
		}
		most = max(most, c)
	}
	if canceled > 0 && canceled == len(all) {
		return Canceled
	}
	return most // Canceled is an echo of the other errors
}

// classOfRun returns Canceled for an error that ends a run from outside.
func classOfRun(err error) Class {
	if _, ok := err.(*stop); ok || err == context.Canceled { // no errors.As: guess walks the tree
		return Canceled
	}
	return Unclassified
}

// classOfNetwork returns the class of an error of package net, or of a net.Error.
func classOfNetwork(err error) Class {
	switch e := err.(type) { // no errors.As: guess walks the tree
	case *net.OpError:
		return classOfOperation(e)
	case *net.DNSError:
		if e.IsTimeout || e.IsTemporary {
			return Retryable
		}
		return Fatal
	case *net.AddrError, *net.ParseError, net.InvalidAddrError, net.UnknownNetworkError:
		return Fatal
	case *url.Error:
		if e.Op == "parse" {
			return Fatal
		}
	}
	// If the server closes the connection before the end of the reply's header, package net/http
	// returns an EOF in a *url.Error.
	if e, ok := err.(net.Error); ok && (errors.Is(e, io.EOF) || errors.Is(e, io.ErrUnexpectedEOF)) {
		return Retryable
	}
	return Unclassified
}

func classOfOperation(e *net.OpError) Class {
	var host *net.DNSError
	switch {
	case errors.Is(e, context.Canceled):
		return Canceled
	case errors.As(e, &host):
		return classOfNetwork(host)
	case errors.Is(e, net.ErrClosed):
		return Unclassified
	case errors.Is(e, fs.ErrPermission), classOfNetwork(e.Err) == Fatal:
		return Fatal
	case e.Op == "remote error" || e.Op == "local error": // a TLS alert ended the connection
		return classOfAlert(e.Err)
	}
	return Retryable
}

// classOfAlert returns the class of a TLS alert. Its type is not exported, so classOfAlert uses
// reflection.
func classOfAlert(alert error) Class {
	v := reflect.ValueOf(alert)
	if v.Kind() != reflect.Uint8 {
		return Retryable
	}
	switch n := v.Uint(); { // https://www.iana.org/assignments/tls-parameters
	case n >= 40 && n <= 49, n == 70, n == 71: // no common parameters, refused certificate, no access
		return Fatal
	case n >= 109 && n <= 121: // the handshake lacks something required
		return Fatal
	}
	return Retryable
}

// classOfTLS returns Fatal for a certificate that cannot be verified, and for a server that does
// not speak TLS.
func classOfTLS(err error) Class {
	switch err.(type) { // no errors.As: guess walks the tree
	case *tls.CertificateVerificationError, tls.RecordHeaderError, x509.UnknownAuthorityError,
		x509.HostnameError, x509.CertificateInvalidError, x509.SystemRootsError,
		x509.UnhandledCriticalExtension, x509.ConstraintViolationError:
		return Fatal
	}
	return Unclassified
}

// classOfSystem returns the class of an error of the operating system. Few of them are temporary.
func classOfSystem(err error) Class {
	switch err { // no errors.Is: guess walks the tree
	case fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrInvalid, fs.ErrClosed, io.ErrShortWrite:
		return Fatal
	case syscall.ECONNRESET, syscall.ECONNABORTED, syscall.ECONNREFUSED, syscall.ENETDOWN,
		syscall.ENETUNREACH, syscall.ENETRESET, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
		syscall.ENOTCONN, syscall.ENOBUFS:
		return Retryable
	}
	if e, ok := err.(syscall.Errno); ok {
		if e.Temporary() || e.Timeout() {
			return Retryable
		}
		return Fatal
	}
	return Unclassified
}

// classOfTimeout returns Retryable for an error whose method Timeout returns true:
// context.DeadlineExceeded, os.ErrDeadlineExceeded, or an error of a client library.
func classOfTimeout(err error) Class {
	// No errors.As: guess walks the tree.
	if e, ok := err.(interface{ Timeout() bool }); ok && e.Timeout() {
		return Retryable
	}
	return Unclassified
}
