package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

// selectionTimeout is how long a server may take to be found, where the URI does not say it: the driver's 30 s keep a person waiting.
const selectionTimeout = 10 * time.Second

// Mongo is where the collection is: the flags -mongo, -mongo-file, -db and -collection.
type Mongo struct {
	DB, Collection string

	uri, file string
	hosts     string // for messages: the URI may hold a password
}

// Flags adds the flags to fs.
func (m *Mongo) Flags(fs *flag.FlagSet) {
	fs.StringVar(&m.uri, "mongo", "", "MongoDB `URI`; better in the environment variable MONGODB_URI or in -mongo-file when it holds a password")
	fs.StringVar(&m.file, "mongo-file", "", "`FILE` that holds the MongoDB URI")
	fs.StringVar(&m.DB, "db", "", "`DATABASE`")
	fs.StringVar(&m.Collection, "collection", "", "`COLLECTION`")
}

// Namespace returns DATABASE.COLLECTION.
func (m *Mongo) Namespace() string { return m.DB + "." + m.Collection }

// Connect returns a client that has reached its server. The caller disconnects it.
func (m *Mongo) Connect(ctx context.Context, p *Program) (*mongo.Client, error) {
	opts, err := m.options(p)
	if err != nil {
		return nil, err
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		return nil, fmt.Errorf("the options of the MongoDB URI do not fit together: %w", err)
	}
	if err := client.Ping(ctx, nil); err != nil {
		m.Disconnect(client)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, m.Explain(err)
	}
	return client, nil
}

// Disconnect ends the client's connections.
func (m *Mongo) Disconnect(client *mongo.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = client.Disconnect(ctx) // every operation is over; what is left are idle sockets
}

// options finds the URI and reads it. Its text is never shown, whatever is wrong with it.
func (m *Mongo) options(p *Program) (*options.ClientOptions, error) {
	uri, from := m.uri, "-mongo"
	switch {
	case uri != "" && m.file != "":
		return nil, Usagef("-mongo and -mongo-file are both given: one is enough")
	case strings.Contains(m.file, "://"):
		return nil, Usagef("-mongo-file wants the name of a file, not the URI: write the URI into a file, or give it by MONGODB_URI")
	case m.file != "":
		text, err := os.ReadFile(m.file)
		if err != nil {
			return nil, fmt.Errorf("read -mongo-file: %w", err)
		}
		uri, from = strings.TrimSpace(string(text)), "the URI in "+m.file
	case uri == "":
		uri, from = os.Getenv("MONGODB_URI"), "MONGODB_URI"
	}
	if uri == "" {
		return nil, Usagef("no MongoDB server given: set MONGODB_URI, -mongo-file or -mongo (mongodb://host:27017)")
	}
	p.Hide(uri)
	opts := options.Client().ApplyURI(uri)
	if opts.Validate() != nil { // its text may quote the URI
		return nil, Usagef("%s is no MongoDB URI (not shown here, it may hold a password): want mongodb://[user:password@]host[:port]/[?options], with : / ? # [ ] @ %% in user and password percent-encoded", from)
	}
	if opts.WriteConcern != nil && !opts.WriteConcern.Acknowledged() {
		return nil, Usagef("%s asks MongoDB for no replies (w=0), so that nothing would prove what it did: leave w=0 out", from)
	}
	if opts.Auth != nil {
		p.Hide(opts.Auth.Password)
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

// Codes of server errors that have an advice of their own.
const (
	codeUnauthorized         = 13
	codeAuthenticationFailed = 18
	codeInvalidNamespace     = 73
)

// Explain adds to an error of the driver what to do about it, where that is known.
func (m *Mongo) Explain(err error) error {
	var selection topology.ServerSelectionError
	var server mongo.ServerError
	isServer := errors.As(err, &server)
	switch {
	case err == nil:
		return nil
	case isServer && server.HasErrorCode(codeAuthenticationFailed), strings.Contains(err.Error(), "unable to authenticate"):
		return advise("AuthenticationFailed", "MongoDB at "+m.hosts+" refuses the user or the password: correct them, or authSource, in the URI", err)
	case isServer && server.HasErrorCode(codeUnauthorized):
		return advise("Unauthorized", "the user may not do this with "+m.Namespace()+": grant it (the role readWrite is enough)", err)
	case isServer && server.HasErrorCode(codeInvalidNamespace):
		return advise("InvalidNamespace", "MongoDB takes no collection named "+m.Namespace()+": correct -db or -collection", err)
	case errors.As(err, &selection):
		return advise(lastError(selection), "no MongoDB server answers at "+m.hosts+": start it, or correct the URI", err)
	}
	return err
}

// lastError returns why the servers could not be reached, without the driver's dump of its topology.
func lastError(e topology.ServerSelectionError) string {
	var why []string
	for _, s := range e.Desc.Servers {
		if s.LastError != nil {
			why = append(why, root(s.LastError))
		}
	}
	if len(why) == 0 {
		why = append(why, fmt.Sprint(e.Wrapped))
	}
	return strings.Join(why, "; ")
}
