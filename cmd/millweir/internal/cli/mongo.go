package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/millweir/millweir/source/mongosource"
	"github.com/millweir/millweir/stream"
)

// selectionTimeout is the server selection timeout if the URI has none. The driver's 30 s would
// keep the operator waiting.
const selectionTimeout = 10 * time.Second

// Mongo is the access to a MongoDB deployment.
type Mongo struct {
	URIFile string // the file that holds the URI; if it is empty, the variable MONGODB_URI has it

	hosts   string // for messages, because the URI may hold a password
	program *Program
}

// Connect returns a client that has reached its server. The caller must disconnect it.
func (m *Mongo) Connect(ctx context.Context, p *Program) (*mongo.Client, error) {
	opts, err := m.options(ctx, p)
	if err != nil {
		return nil, err
	}
	client, err := mongo.Connect(mongosource.Guard(opts))
	if err != nil {
		return nil, Usagef("the options of the MongoDB URI do not fit together: %s", Foreign(err.Error()))
	}
	limit := *opts.ServerSelectionTimeout + requestTimeout
	if err := p.Ask(ctx, m.server(), "ping", limit,
		func(ctx context.Context) error { return client.Ping(ctx, nil) }); err != nil {
		m.Disconnect(client)
		return nil, m.Explain(err)
	}
	return client, nil
}

// Disconnect ends the client's connections.
func (m *Mongo) Disconnect(client *mongo.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = client.Disconnect(ctx) // no operation is in flight; only idle sockets are left
}

// options finds and parses the URI.
func (m *Mongo) options(ctx context.Context, p *Program) (*options.ClientOptions, error) {
	uri, from, err := m.uri()
	if err != nil {
		return nil, err
	}
	m.program = p
	p.secrets.addURI(uri)
	var opts *options.ClientOptions
	err = p.Ask(ctx, Textf("the DNS"), "the servers of "+srvHost(uri), requestTimeout, func(ctx context.Context) error {
		opts, err = parseURI(ctx, uri)
		return err
	})
	switch {
	case err == nil && ctx.Err() != nil: // the signal came after the parsing
		return nil, context.Cause(ctx)
	case ctx.Err() != nil || errors.As(err, new(*noReplyError)):
		return nil, err
	case err != nil:
		return nil, uriError(from, uri, err)
	case strings.Contains(userInfo(uri), "@") && !strings.Contains(userInfo(uri), "?"):
		// The text after the first @ is not a host.
		return nil, Usagef("%s: unescaped @ sign in user info: write it as %%40", from)
	case opts.WriteConcern != nil && !opts.WriteConcern.Acknowledged():
		return nil, Usagef("%s asks MongoDB for no replies (w=0), so that nothing would prove what it did: leave "+
			"w=0 out", from)
	}
	if unknown := unknownOptions(uri); len(unknown) > 0 {
		p.Warn(Textf("%s has options that the MongoDB driver does not know, and ignores: %s", from,
			strings.Join(unknown, ", ")),
			"unknown options", "where", from, "options", unknown)
	}
	if opts.TLSConfig != nil && opts.TLSConfig.InsecureSkipVerify {
		p.Warn(Textf("%s turns off the check of the server's certificate (tlsInsecure, or its like): whoever is "+
			"in between can read and change everything; "+
			"give the certificate of the authority by tlsCAFile", from), "certificate of the server not checked",
			"where", from)
	}
	m.hosts = strings.Join(opts.Hosts, ", ")
	if opts.AppName == nil {
		opts.SetAppName("millweir " + p.Name)
	}
	if opts.ServerSelectionTimeout == nil {
		opts.SetServerSelectionTimeout(selectionTimeout)
	}
	return opts, nil
}

// Codes of server errors that Explain knows.
const (
	codeBadValue             = 2
	codeFailedToParse        = 9
	codeUnauthorized         = 13
	codeAuthenticationFailed = 18
	codeInvalidNamespace     = 73
)

// Explain adds to an error of the driver what to do about it, if that is known.
func (m *Mongo) Explain(err error) error {
	var selection topology.ServerSelectionError
	var certificate *tls.CertificateVerificationError
	var server mongo.ServerError
	isServer := errors.As(err, &server)
	switch {
	case err == nil || isAdvised(err):
		return err
	case errors.As(err, new(*noReplyError)), errors.Is(err, stream.ErrTimeout):
		return advise(err.Error(), "the MongoDB server at "+m.hosts+" is silent: look at it, or correct the URI", err)
	case isServer && server.HasErrorCode(codeAuthenticationFailed),
		strings.Contains(err.Error(), "unable to authenticate"):
		return advise("AuthenticationFailed",
			"MongoDB at "+m.hosts+" refuses the user or the password: correct them, or authSource, in the URI", err)
	case isServer && server.HasErrorCode(codeUnauthorized):
		return advise("Unauthorized: "+serverMessage(err),
			"the user may not do this: grant it (the role backup is enough "+
				"for a backup, and the roles readWriteAnyDatabase and restore for a restore)", err)
	case isServer && server.HasErrorCode(codeInvalidNamespace):
		return advise("InvalidNamespace: "+serverMessage(err),
			"MongoDB does not take the name of a collection: choose "+
				"another one with --rename", err)
	case errors.As(err, &selection) && certificateOf(selection, &certificate):
		return advise(certificate.Error(), "the certificate of the MongoDB server at "+m.hosts+" is not trusted: "+
			"correct tlsCAFile or the host in the URI", err)
	case errors.As(err, &selection):
		return advise(lastError(selection), "no MongoDB server answers at "+m.hosts+": start it, or correct the URI",
			err)
	}
	return err
}

// ExplainFilter is [Mongo.Explain] for an error of a find with a filter.
func (m *Mongo) ExplainFilter(err error) error {
	var server mongo.ServerError
	if !errors.As(err, &server) || !server.HasErrorCode(codeBadValue) && !server.HasErrorCode(codeFailedToParse) {
		return m.Explain(err)
	}
	return &UsageError{advise(serverMessage(err), "MongoDB does not take the --filter: correct it "+
		"(operators: https://www.mongodb.com/docs/manual/reference/operator/query/)", err)}
}

// serverMessage returns the server's message without the prefixes of the driver's layers.
func serverMessage(err error) string {
	var command mongo.CommandError
	if errors.As(err, &command) {
		return command.Message
	}
	return err.Error()
}

// certificateOf reports whether a server's certificate was not trusted, and stores the error in
// found.
func certificateOf(e topology.ServerSelectionError, found **tls.CertificateVerificationError) bool {
	for _, s := range e.Desc.Servers {
		if errors.As(s.LastError, found) {
			return true
		}
	}
	return false
}

// lastError returns why the servers could not be reached, without the driver's dump of its
// topology.
func lastError(e topology.ServerSelectionError) string {
	var why []string
	for _, s := range e.Desc.Servers {
		if s.LastError != nil {
			why = append(why, rootText(s.LastError))
		}
	}
	if len(why) == 0 {
		why = append(why, fmt.Sprint(e.Wrapped))
	}
	return strings.Join(why, "; ")
}
