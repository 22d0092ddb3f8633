package mongosource

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/ocsp"
)

// Guard has a client look at each message of the server before the driver does, and returns opts. Call it last, before
// mongo.Connect. A message that could do harm is an error in its place ([ErrBadReply], under the driver's network error), and its
// connection is closed:
//
//   - one of more than 48,000,000 bytes and some KiB, compressed or not: the driver would reserve the 2 GiB that a length can state;
//   - a compressed one, if opts ask for no compression. If they do, messages are decompressed here, because the driver's zstd has no limit;
//   - one that answers another request than the last of its connection, or is no OP_MSG or OP_REPLY;
//   - one that says that more follow, if the request did not allow it: the driver would not send the next request;
//   - cluster times, operation times and recovery tokens of a wrong type: the driver would panic while it holds a lock, or on a
//     goroutine of its own, which ends the process;
//   - an authentication by SCRAM that asks for more than a million iterations: the driver would compute for hours.
//
// Guard wraps the dialer of opts, and speaks TLS itself, as the driver would: with the same certificates, server names, checks of
// revocation (OCSP, stapled or of a responder) and connect timeout. opts have no TLS configuration afterwards. Each connection holds
// one message more.
func Guard(opts *options.ClientOptions) *options.ClientOptions {
	g := &guard{next: opts.Dialer, compressed: len(opts.Compressors) > 0}
	if g.next == nil {
		g.next = &net.Dialer{}
	}
	if opts.TLSConfig != nil {
		g.tls = opts.TLSConfig.Clone()
		g.ocsp = &ocsp.VerifyOptions{Cache: ocsp.NewCache(), HTTPClient: opts.HTTPClient}
		g.ocsp.DisableEndpointChecking = opts.DisableOCSPEndpointCheck != nil && *opts.DisableOCSPEndpointCheck
		g.unrevoked = opts.DisableCertificateRevocationCheck != nil && *opts.DisableCertificateRevocationCheck
		opts.TLSConfig = nil
	}
	return opts.SetDialer(g)
}

// guard dials connections that are guarded.
type guard struct {
	next       options.ContextDialer
	compressed bool // the client offers compression
	tls        *tls.Config
	ocsp       *ocsp.VerifyOptions
	unrevoked  bool // no certificate is looked up by OCSP
}

// DialContext returns a guarded connection to the server at address, with TLS if the client was given a configuration.
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

// secure speaks TLS on conn.
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
	if config.InsecureSkipVerify || g.unrevoked {
		return secured, nil
	}
	return secured, ocsp.Verify(ctx, secured.ConnectionState(), g.ocsp)
}
