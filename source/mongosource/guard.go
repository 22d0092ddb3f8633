package mongosource

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/ocsp"
)

// Guard makes a client check each message of the server before the driver reads it. It changes opts
// and returns them. Call it last, before mongo.Connect. A harmful message becomes an [ErrBadReply],
// wrapped in the driver's network error, and Guard closes its connection:
//
//   - a message of more than 48 MB, compressed or not: the driver would allocate what the length
//     says, up to 2 GiB;
//   - a compressed message, if opts ask for no compression. Otherwise Guard decompresses it,
//     because the driver's zstd has no limit;
//   - a message that does not answer the last request of its connection, or that is not OP_MSG or
//     OP_REPLY;
//   - a reply that announces more replies, if the request did not allow them: the driver would not
//     send its next request;
//   - a first batch without the id of its cursor: the driver would take it for the last batch;
//   - a cluster time, operation time or recovery token of a wrong type: the driver would panic
//     while it holds a lock, or on its own goroutine, which ends the process;
//   - a SCRAM authentication with more than a million iterations: the driver would compute for
//     hours.
//
// Guard wraps the dialer of opts and speaks TLS itself, as the driver would: with the same
// certificates, server names, revocation checks (OCSP, stapled or from a responder) and connect
// timeout. It removes the TLS configuration from opts. Each connection holds one more message in
// memory.
func Guard(opts *options.ClientOptions) *options.ClientOptions {
	g := &guard{next: opts.Dialer, compressed: len(opts.Compressors) > 0}
	if g.next == nil {
		g.next = &net.Dialer{}
	}
	if opts.TLSConfig != nil {
		g.tls = opts.TLSConfig.Clone()
		g.ocsp = &ocsp.VerifyOptions{Cache: ocsp.NewCache(), HTTPClient: opts.HTTPClient}
		g.ocsp.DisableEndpointChecking = opts.DisableOCSPEndpointCheck != nil && *opts.DisableOCSPEndpointCheck
		g.noOCSP = opts.DisableCertificateRevocationCheck != nil && *opts.DisableCertificateRevocationCheck
		opts.TLSConfig = nil
	}
	return opts.SetDialer(g)
}

// guard dials connections that check messages.
type guard struct {
	next       options.ContextDialer
	compressed bool // the client offers compression
	tls        *tls.Config
	ocsp       *ocsp.VerifyOptions
	noOCSP     bool // certificates are not checked for revocation
}

// DialContext connects to the server at address. It uses TLS if the client had a configuration for
// it.
func (g *guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := g.next.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if g.tls != nil {
		secured, err := g.secure(ctx, conn, address)
		if err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("TLS: %w", err)
		}
		conn = secured
	}
	return &guardedConn{Conn: conn, compressed: g.compressed}, nil
}

// secure runs the TLS handshake on conn.
func (g *guard) secure(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	config := g.tls.Clone()
	if config.ServerName == "" {
		config.ServerName = address
		if host, _, err := net.SplitHostPort(address); err == nil {
			config.ServerName = host
		}
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if config.InsecureSkipVerify || g.noOCSP {
		return secured, nil
	}
	return secured, ocsp.Verify(ctx, secured.ConnectionState(), g.ocsp)
}
