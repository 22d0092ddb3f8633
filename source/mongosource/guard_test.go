package mongosource_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/source/mongosource/mongotest"
	"github.com/millweir/millweir/stream"
)

// TestGuardSpeaksTLS has a guarded client read over TLS, and refuse a server whose certificate it
// does not trust, or is for another name.
func TestGuardSpeaksTLS(t *testing.T) {
	srv := mongotest.NewServer()
	defer srv.Close()
	srv.Add("shop", "cookies", hostileDoc(bson.D{{Key: "_id", Value: 1}}))
	address, roots := overTLS(t, srv.URI())
	for name, tt := range map[string]struct {
		config *tls.Config
		reads  bool
	}{
		"trusted":        {&tls.Config{RootCAs: roots}, true},
		"another name":   {&tls.Config{RootCAs: roots, ServerName: "example.org"}, false},
		"not trusted":    {&tls.Config{RootCAs: x509.NewCertPool()}, false},
		"taken unlooked": {&tls.Config{InsecureSkipVerify: true}, true},
	} {
		o := options.Client().ApplyURI("mongodb://" + address + "/?directConnection=true").SetTLSConfig(tt.config)
		o.SetServerSelectionTimeout(10 * time.Second)
		if !tt.reads {
			o.SetServerSelectionTimeout(500 * time.Millisecond)
		}
		client, err := mongo.Connect(mongosource.Guard(o))
		if err != nil {
			t.Fatal(err)
		}
		docs, err := stream.Run(t.Context(), mongosource.Find(client.Database("shop").Collection("cookies"), bson.D{}, nil), sink.Slice[bson.Raw]())
		if (err == nil) != tt.reads || tt.reads && len(docs) != 1 {
			t.Errorf("%s: %d documents, %v", name, len(docs), err)
		}
		_ = client.Disconnect(t.Context())
	}
}

// overTLS returns the address of a proxy that speaks TLS before the server at uri, and the roots of
// its certificate, which is for 127.0.0.1.
func overTLS(t *testing.T, uri string) (address string, roots *x509.CertPool) {
	t.Helper()
	behind, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewTLSServer(nil)
	web.Close() // only its certificate is used
	roots = x509.NewCertPool()
	roots.AddCert(web.Certificate())
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				server, err := net.Dial("tcp", behind.Host)
				if err != nil {
					return
				}
				defer server.Close()
				go func() {
					defer server.Close()
					_, _ = io.Copy(server, conn)
				}()
				_, _ = io.Copy(conn, server)
			}()
		}
	}()
	return l.Addr().String(), roots
}
