package mongosource_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/crypto/ocsp"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

const tlsName = "db.example.org"

// readAll reads shop.cookies with a client that has the options opts.
func readAll(t *testing.T, opts *options.ClientOptions) ([]bson.Raw, error) {
	t.Helper()
	client, err := mongo.Connect(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(context.WithoutCancel(t.Context()))
	find := mongosource.Find(client.Database("shop").Collection("cookies"), bson.D{}, nil)
	return stream.Run(t.Context(), find, sink.Slice[bson.Raw]())
}

// oneCookie returns a server with one document.
func oneCookie(t *testing.T) *mongotest.Server {
	srv := mongotest.NewServer()
	t.Cleanup(srv.Close)
	srv.Add("shop", "cookies", hostileDoc(bson.D{{Key: "_id", Value: 1}}))
	return srv
}

// TestTLS connects to TLS servers with and without a guard: both clients trust the same servers and
// ask for the same names.
func TestTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	caFile := "tlsCAFile=" + url.QueryEscape(ours.file(t))
	good := ours.issue(t, nil, tlsName, "127.0.0.1", "::1")
	serving := func(certs ...tls.Certificate) *tls.Config { return &tls.Config{Certificates: certs} }
	with := func(set func(*tls.Config)) *tls.Config {
		c := serving(good)
		set(c)
		return c
	}
	stapled := func(cert tls.Certificate, status int) *tls.Config {
		cert.OCSPStaple = ours.status(t, cert, status)
		return serving(cert)
	}
	keyFile := func(a *authority) string {
		cert := a.issue(t, nil)
		return "tlsCertificateKeyFile=" + url.QueryEscape(pemFile(t, cert.Leaf, cert.PrivateKey))
	}
	mustStaple := ours.issue(t, func(c *x509.Certificate) {
		// status_request
		feature := pkix.Extension{
			Id:    asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24},
			Value: []byte{0x30, 3, 2, 1, 5},
		}
		c.ExtraExtensions = append(c.ExtraExtensions, feature)
	}, tlsName)
	expired := ours.issue(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	}, tlsName)
	clients := with(func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, ours.pool() })

	var revoked tls.Certificate
	var lookUps atomic.Int64
	responder := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		lookUps.Add(1)
		_, _ = w.Write(ours.status(t, revoked, ocsp.Revoked))
	}))
	t.Cleanup(responder.Close)
	revoked = ours.issue(t, func(c *x509.Certificate) { c.OCSPServer = []string{responder.URL} }, tlsName)

	for name, tt := range map[string]struct {
		host    string // tlsName if empty
		options string // of the URI
		server  *tls.Config
		refused bool
	}{
		"trusted":            {"", caFile, serving(good), false},
		"an address":         {"127.0.0.1", caFile, serving(good), false},
		"an address of IPv6": {"[::1]", caFile, serving(good), false},
		"TLS 1.2": {"", caFile, with(func(c *tls.Config) {
			c.MaxVersion = tls.VersionTLS12
		}), false},
		"TLS 1.3": {"", caFile, with(func(c *tls.Config) {
			c.MinVersion = tls.VersionTLS13
		}), false},
		"TLS 1.1": {"", caFile, with(func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		}), true},
		"another name":    {"other.example.org", caFile, serving(good), true},
		"another address": {"127.0.0.2", caFile, serving(good), true},
		"another name, insecure": {
			"other.example.org", "tls=true&tlsInsecure=true", serving(good),
			false,
		},
		"another authority":              {"", caFile, serving(theirs.issue(t, nil, tlsName)), true},
		"no authority":                   {"", "tls=true", serving(good), true},
		"expired":                        {"", caFile, serving(expired), true},
		"a client with a certificate":    {"", caFile + "&" + keyFile(ours), clients, false},
		"a client without a certificate": {"", caFile, clients, true},
		"a client of another authority":  {"", caFile + "&" + keyFile(theirs), clients, true},
		"stapled, good":                  {"", caFile, stapled(good, ocsp.Good), false},
		"stapled, revoked":               {"", caFile, stapled(good, ocsp.Revoked), true},
		"stapled, revoked, not looked at": {
			"", caFile + "&tlsDisableCertificateRevocationCheck=true",
			stapled(good, ocsp.Revoked), false,
		},
		"stapled, revoked, insecure": {"", "tls=true&tlsInsecure=true", stapled(good, ocsp.Revoked), false},
		"must be stapled":            {"", caFile, serving(mustStaple), true},
		"must be stapled, and is":    {"", caFile, stapled(mustStaple, ocsp.Good), false},
		"revoked by the responder":   {"", caFile, serving(revoked), true},
		"revoked by the responder, not looked": {
			"", caFile + "&tlsDisableOCSPEndpointCheck=true", serving(revoked),
			false,
		},
	} {
		for _, guarded := range []bool{false, true} {
			kind := "/bare"
			if guarded {
				kind = "/guarded"
			}
			t.Run(name+kind, func(t *testing.T) {
				t.Parallel()
				srv := oneCookie(t)
				f := newFront(t, srv.Addr(), tt.server)
				host := tt.host
				if host == "" {
					host = tlsName
				}
				o := options.Client().ApplyURI("mongodb://" + host + ":27017/?directConnection=true&" +
					tt.options).SetDialer(f)
				if guarded {
					mongosource.Guard(o)
				}
				if tt.refused {
					o.SetServerSelectionTimeout(300 * time.Millisecond)
				}
				docs, err := readAll(t, o)
				for range 10 {
					if tt.refused && stream.ClassOf(err) == stream.Retryable { // the machine may have been too slow
						docs, err = readAll(t, o)
					}
				}
				switch {
				case tt.refused && stream.ClassOf(err) != stream.Fatal:
					t.Errorf("%d documents, %v: %v", len(docs), stream.ClassOf(err), err)
				case !tt.refused && (err != nil || len(docs) != 1):
					t.Errorf("%d documents, %v", len(docs), err)
				}
				want := []string{host}
				if strings.Trim(host, "[]0123456789.:") == "" {
					want[0] = "" // clients send no name for an address
				}
				if got := f.names(); !slices.Equal(got, want) {
					t.Errorf("the client asked for %q", got)
				}
			})
		}
	}
	t.Cleanup(func() {
		if lookUps.Load() < 2 {
			t.Errorf("the responder was asked %d times", lookUps.Load())
		}
	})
}

// TestGuardX509 authenticates a guarded client by its certificate.
func TestGuardX509(t *testing.T) {
	ours := newAuthority(t)
	srv := oneCookie(t)
	srv.Inject(mongotest.Fault{Command: "authenticate", Reply: hostileDoc(bson.D{{Key: "ok", Value: 1}})})
	config := &tls.Config{
		Certificates: []tls.Certificate{ours.issue(t, nil, tlsName)},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ours.pool(),
	}
	cert := ours.issue(t, nil)
	o := options.Client().ApplyURI("mongodb://" + tlsName + "/?directConnection=true&authMechanism=MONGODB-X509" +
		"&tlsCAFile=" + url.QueryEscape(ours.file(t)) + "&tlsCertificateKeyFile=" +
		url.QueryEscape(pemFile(t, cert.Leaf, cert.PrivateKey)))
	docs, err := readAll(t, mongosource.Guard(o.SetDialer(newFront(t, srv.Addr(), config))))
	if err != nil || len(docs) != 1 {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	sent := srv.Commands("authenticate")
	if len(sent) == 0 || sent[0].Body.Lookup("mechanism").StringValue() != "MONGODB-X509" {
		t.Errorf("the client authenticated itself by %v", sent)
	}
}

// silent accepts a connection and never answers. began is closed after the first byte, and ended
// receives the error with which the client's side ends.
func silent(t *testing.T) (address string, began chan struct{}, ended chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	began, ended = make(chan struct{}), make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			ended <- err
			return
		}
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1))
		close(began)
		if err == nil {
			_, err = io.Copy(io.Discard, conn)
		}
		ended <- err
	}()
	return l.Addr().String(), began, ended
}

// TestGuardHandshakeCanceled cancels a handshake that the server never answers.
func TestGuardHandshakeCanceled(t *testing.T) {
	address, began, ended := silent(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	conn, err := mongosource.Guard(options.Client().SetTLSConfig(&tls.Config{})).Dialer.DialContext(ctx, "tcp", address)
	if conn != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", conn, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server's end: %v", err)
	}
}

// TestGuardHandshakeDeadline has a client give up a handshake that the server never answers,
// although its caller has no deadline.
func TestGuardHandshakeDeadline(t *testing.T) {
	address, _, ended := silent(t)
	o := options.Client().ApplyURI("mongodb://" + address +
		"/?directConnection=true&tls=true&connectTimeoutMS=200&serverSelectionTimeoutMS=3600000")
	client, err := mongo.Connect(mongosource.Guard(o))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(context.WithoutCancel(t.Context()))
	if err := <-ended; err != nil { // the client's server monitor connects without a request
		t.Errorf("the server's end: %v", err)
	}
}
