package mongoerr_test

import (
	"compress/flate"
	"compress/zlib"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/ocsp"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/millweir/millweir/internal/mongoerr"
	"github.com/millweir/millweir/stream"
)

// network returns the driver's error for a connection that ended with cause.
func network(cause error) error {
	return mongo.CommandError{Labels: []string{"NetworkError"}, Wrapped: topology.ConnectionError{Wrapped: cause}}
}

func command(code int32, labels ...string) error {
	return mongo.CommandError{Code: code, Labels: labels}
}

// noServer returns the driver's error if it found no server in time and the servers had these last
// errors.
func noServer(last ...error) error {
	e := topology.ServerSelectionError{Wrapped: errors.New("server selection timeout")}
	for _, err := range last {
		e.Desc.Servers = append(e.Desc.Servers, description.Server{LastError: err})
	}
	return e
}

func TestClass(t *testing.T) {
	reset := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	refused := topology.ConnectionError{Wrapped: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
	unknownHost := topology.ConnectionError{Wrapped: &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}}
	untrusted := topology.ConnectionError{Wrapped: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}
	wrongPassword := topology.ConnectionError{Wrapped: driver.Error{Code: 18}}
	for name, c := range map[string]struct {
		err  error
		want stream.Class
	}{
		"nil":         {nil, stream.Unclassified},
		"any other":   {errors.New("broken"), stream.Unclassified},
		"RST":         {network(reset), stream.Retryable},
		"FIN":         {network(io.EOF), stream.Retryable},
		"cut":         {network(io.ErrUnexpectedEOF), stream.Retryable},
		"timeout":     {network(context.DeadlineExceeded), stream.Retryable},
		"wrapped":     {fmt.Errorf("find: %w", network(io.EOF)), stream.Retryable},
		"not trusted": {network(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), stream.Fatal},
		"wrong name":  {network(x509.HostnameError{Certificate: &x509.Certificate{}}), stream.Fatal},
		"expired":     {network(x509.CertificateInvalidError{}), stream.Fatal},
		"TLS alert":   {network(tls.AlertError(42)), stream.Fatal},
		"unknown CA": {
			network(&net.OpError{Op: "remote error", Err: errors.New(tls.AlertError(48).Error())}),
			stream.Fatal,
		},
		"bad server": {
			network(&net.OpError{Op: "remote error", Err: errors.New(tls.AlertError(80).Error())}),
			stream.Retryable,
		},
		"not stapled": {
			network(errors.New(
				"server provided a certificate with the Must-Staple extension but did not provide a staple")),
			stream.Fatal,
		},
		"revoked": {network(&ocsp.Error{}), stream.Fatal},
		"no TLS":  {network(tls.RecordHeaderError{}), stream.Fatal},

		"connection refused":         {refused, stream.Retryable},
		"no such host":               {unknownHost, stream.Fatal},
		"wrong password":             {wrongPassword, stream.Fatal},
		"no server":                  {noServer(), stream.Retryable},
		"no primary":                 {noServer(nil, nil), stream.Retryable},
		"no server, refused":         {noServer(refused), stream.Retryable},
		"no server, not trusted":     {noServer(untrusted, untrusted), stream.Fatal},
		"no server, one not trusted": {noServer(untrusted, refused), stream.Retryable},
		"no server, bare untrusted": {
			noServer(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}),
			stream.Fatal,
		},
		"no server, any other":    {noServer(errors.New("broken")), stream.Retryable},
		"no server, no such host": {noServer(unknownHost), stream.Fatal},
		"no connection free": {
			topology.WaitQueueTimeoutError{Wrapped: context.DeadlineExceeded},
			stream.Retryable,
		},
		"pool cleared": {mongo.CommandError{
			Labels:  []string{"TransientTransactionError"},
			Wrapped: cleared{},
		}, stream.Retryable},
		"client closed":               {mongo.ErrClientDisconnected, stream.Fatal},
		"topology closed":             {topology.ErrTopologyClosed, stream.Fatal},
		"a filter that is none":       {mongo.MarshalError{Err: errors.New("no document")}, stream.Fatal},
		"a nil document":              {mongo.ErrNilDocument, stream.Fatal},
		"a map for a sort":            {mongo.ErrMapForOrderedArgument{}, stream.Fatal},
		"overloaded":                  {command(99_999, "SystemOverloadedError"), stream.Throttled},
		"overloaded and a known code": {command(6, "SystemOverloadedError"), stream.Throttled},
		"retryable label":             {command(99_999, "RetryableError"), stream.Retryable},
		"retryable write label":       {command(99_999, "RetryableWriteError"), stream.Retryable},
		"a code before a label":       {command(13, "RetryableWriteError"), stream.Fatal},
		"unknown code":                {command(99_999), stream.Unclassified},
		"write errors": {
			mongo.WriteException{WriteErrors: mongo.WriteErrors{{Code: 6}, {Code: 11000}}},
			stream.Data,
		},
	} {
		if got := mongoerr.Class(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if got := stream.ClassOf(mongoerr.Mark(c.err)); c.want != stream.Unclassified && got != c.want {
			t.Errorf("%s: marked as %v, want %v", name, got, c.want)
		}
	}
	for want, codes := range map[stream.Class][]int32{
		// source/retryable-reads/retryable-reads.md of https://github.com/mongodb/specifications,
		// and lost cursors
		stream.Retryable: {
			6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, 10058, 43, 237, 50,
			112, 246,
		},
		stream.Throttled: {365, 402, 433, 449, 450, 462, 16500},
		stream.Data:      {11000, 11001, 12582, 121, 22, 10334, 52},
		stream.Fatal: {
			2, 9, 13, 18, 20, 26, 59, 72, 73, 166, 175, 239, 280, 286, 361, 391, 8000, 11601, 14031,
			40415,
		},
	} {
		for _, code := range codes {
			if got := mongoerr.Class(command(code)); got != want {
				t.Errorf("%d: %v, want %v", code, got, want)
			}
		}
	}
}

// TestBadReply distinguishes replies that make no sense from valid replies and other errors.
func TestBadReply(t *testing.T) {
	raw := func(d bson.D) bson.Raw {
		doc, err := bson.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	malformed := errors.New("malformed wire message: insufficient bytes")
	greeting := func(d bson.D) error {
		return topology.ConnectionError{Wrapped: driver.Error{
			Message: "command failed",
			Raw:     bsoncore.Document(raw(d)),
		}}
	}
	refused := topology.ConnectionError{Wrapped: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
	panicking := func() (err error) {
		defer mongoerr.Recover(&err)
		panic("index out of range")
	}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                      {nil, false},
		"any other":                {errors.New("broken"), false},
		"a panic":                  {panicking(), true},
		"of this library":          {network(mongoerr.ErrBadReply), true},
		"no cursor":                {driver.ErrNoCursor, true},
		"of a type":                {driver.NewCommandResponseError("x", io.EOF), true},
		"of a text":                {malformed, true},
		"of a text, wrapped":       {fmt.Errorf("find: %w", malformed), true},
		"of a text, inside":        {network(errors.New("length of read message too large")), true},
		"no zlib":                  {zlib.ErrHeader, true},
		"damaged zlib":             {flate.CorruptInputError(7), true},
		"the end of a connection":  {network(io.EOF), false},
		"a filter of such a text":  {mongo.MarshalError{Err: malformed}, false},
		"an empty document":        {mongo.CommandError{Message: "command failed", Raw: raw(bson.D{})}, true},
		"a reason that is no text": {mongo.CommandError{Raw: raw(bson.D{{Key: "errmsg", Value: 1}})}, true},
		"a reason without a code": {mongo.CommandError{Raw: raw(bson.D{{
			Key:   "errmsg",
			Value: "malformed wire message",
		}})}, false},
		"a code without a reason": {mongo.CommandError{Code: 6, Raw: raw(bson.D{})}, false},
		"a name without a reason": {mongo.CommandError{Name: "HostUnreachable", Raw: raw(bson.D{})}, false},
		"a label without a reason": {
			mongo.CommandError{Labels: []string{"RetryableError"}, Raw: raw(bson.D{})},
			false,
		},
		"an empty greeting":           {greeting(bson.D{}), true},
		"no server, empty greetings":  {noServer(greeting(bson.D{}), greeting(bson.D{})), true},
		"no server, a panic":          {noServer(panicking()), true},
		"no server, one refused":      {noServer(greeting(bson.D{}), refused), false},
		"no server, one without news": {noServer(greeting(bson.D{}), nil), false},
		"no server":                   {noServer(), false},
	} {
		if got := mongoerr.BadReply(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if marked := mongoerr.Mark(c.err); errors.Is(marked, mongoerr.ErrBadReply) != c.want {
			t.Errorf("%s: marked as %v", name, marked)
		} else if c.want && stream.ClassOf(marked) != stream.Fatal {
			t.Errorf("%s: of class %v", name, stream.ClassOf(marked))
		}
	}
}

// cleared is like the driver's error for a cleared pool.
type cleared struct{}

func (cleared) Error() string   { return "the pool was cleared" }
func (cleared) Retryable() bool { return true }

// A refused document is the reason for the refusal, unless the code says otherwise.
func TestClassOfWrite(t *testing.T) {
	for code, want := range map[int]stream.Class{
		2: stream.Data, 11000: stream.Data, 121: stream.Data, 99_999: stream.Data,
		10107: stream.Retryable, 11602: stream.Retryable, 365: stream.Throttled,
		13: stream.Fatal, 14031: stream.Fatal, 371: stream.Fatal,
	} {
		if got := mongoerr.ClassOfWrite(code); got != want {
			t.Errorf("%d: %v, want %v", code, got, want)
		}
	}
}

func TestNamespace(t *testing.T) {
	client, err := mongo.Connect(options.Client().ApplyURI("mongodb://127.0.0.1:1/"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(context.Background())
	db := client.Database("shop")
	for name, want := range map[string]string{
		"cookies": " shop.cookies", "a b": ` "shop.a b"`, "a\nb": ` "shop.a\nb"`,
		"Käse": " shop.Käse",
	} {
		if got := mongoerr.Namespace(db.Collection(name)); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
	if got := mongoerr.Namespace(bson.D{}); got != "" {
		t.Errorf("no collection: %q", got)
	}
}
