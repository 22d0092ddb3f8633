package cli

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// uri returns the MongoDB URI and the name of its source for messages. No message shows the URI
// itself.
func (m *Mongo) uri() (uri, from string, err error) {
	switch {
	case strings.Contains(m.URIFile, "://"):
		return "", "", Usagef("--mongo-file wants the name of a file, not the URI: write the URI into a file, or " +
			"give it by MONGODB_URI")
	case m.URIFile != "":
		text, err := os.ReadFile(m.URIFile)
		if err != nil {
			return "", "", openError("--mongo-file", err)
		}
		uri, from = strings.TrimSpace(string(text)), "the URI in "+m.URIFile
		if uri == "" {
			return "", "", Usagef("%s is empty: write the MongoDB URI into it", m.URIFile)
		}
		return uri, from, nil
	}
	if uri = os.Getenv("MONGODB_URI"); uri == "" {
		return "", "", Usagef("no MongoDB server given: set MONGODB_URI or --mongo-file (mongodb://host:27017)")
	}
	return uri, "MONGODB_URI", nil
}

// parseURI parses a URI. For mongodb+srv:// this queries the DNS; parseURI does not wait for the
// reply after ctx ends.
func parseURI(ctx context.Context, uri string) (*options.ClientOptions, error) {
	parsed := make(chan *options.ClientOptions, 1)
	failed := make(chan error, 1)
	go func() {
		opts, err := Protect(func() (*options.ClientOptions, error) { return options.Client().ApplyURI(uri), nil })
		if err != nil {
			failed <- err
			return
		}
		parsed <- opts
	}()
	select {
	case opts := <-parsed:
		return opts, opts.Validate()
	case err := <-failed:
		return nil, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// uriError returns the error of a URI in the driver's words without secrets. The error is a
// [*UsageError] unless the DNS or a file is the cause.
func uriError(from, uri string, err error) error {
	text := err.Error()
	syntax := strings.HasPrefix(text, "error parsing uri: ") && !aboutOptions.MatchString(text)
	for _, layer := range []string{"error parsing uri: ", "error validating uri: "} {
		text = strings.TrimPrefix(text, layer)
	}
	text = strings.TrimPrefix(text, `invalid host "": `) // the driver drops the host's name
	text, _, _ = strings.Cut(text, ": strconv.")         // strconv quotes the port, which may be a password
	said := Foreign(hideUserInfo(text, uri))

	var dns *net.DNSError
	var path *fs.PathError
	switch {
	case errors.As(err, &dns):
		return Textf("%s: the DNS look-up of the servers of %s failed: correct the host, or the DNS (%s)", from,
			srvHost(uri), said).withCause(err)
	case badRecords.MatchString(text):
		return Errorf("%s: the DNS records of %s are wrong: %s", from, srvHost(uri), said)
	case errors.As(err, &path):
		return Textf("%s: a file that the URI names cannot be read: %s", from, said).withCause(err)
	case badFile.MatchString(text):
		return Errorf("%s: a file that the URI names is not what it should be: %s", from, said)
	case text == "invalid option":
		return Usagef("%s: invalid option: want name=value, and & between two of them", from)
	case syntax:
		return Usagef("%s: %s: want %s, with : / ? # [ ] @ %% in user and password percent-encoded", from, said,
			wantURI)
	}
	return Usagef("%s: %s", from, said)
}

var (
	badRecords   = regexp.MustCompile(`TXT record|records from TXT|SRV record|^server record|DNS message`)
	aboutOptions = regexp.MustCompile(`option|invalid value for |auth`)
	badFile      = regexp.MustCompile(`(?i)\bCA file|certificate|private key|\bPEM\b|tls: `)
)

// shownEndpoint returns the URL of an S3 server without user, password and query.
func shownEndpoint(endpoint string) string {
	endpoint, _, _ = strings.Cut(endpoint, "?")
	scheme, rest, ok := strings.Cut(endpoint, "://")
	if !ok {
		return endpoint[strings.LastIndex(endpoint, "@")+1:]
	}
	return scheme + "://" + rest[strings.LastIndex(rest, "@")+1:]
}

// srvHost returns the host of a mongodb+srv URI.
func srvHost(uri string) string {
	_, host, _ := strings.Cut(uri, "://")
	if at := strings.LastIndex(host, "@"); at >= 0 {
		host = host[at+1:]
	}
	if end := strings.IndexAny(host, "/?"); end >= 0 {
		host = host[:end]
	}
	return host
}

// userInfo returns the part of a URI that has user and password. It ends at the last @, because the
// password may not be encoded.
func userInfo(uri string) string {
	_, rest, ok := strings.Cut(uri, "://")
	if !ok {
		rest = uri
	}
	return rest[:max(strings.LastIndex(rest, "@"), 0)]
}

var quotedText = regexp.MustCompile(`"[^"]*"`)

// hideUserInfo hides every quotation in text that is part of the URI's password, however short.
func hideUserInfo(text, uri string) string {
	_, password, _ := strings.Cut(userInfo(uri), ":")
	return quotedText.ReplaceAllStringFunc(text, func(quoted string) string {
		if part := strings.Trim(quoted, `"`); part != "" && strings.Contains(password, part) {
			return `"` + hidden + `"`
		}
		return quoted
	})
}

// secretOptions are the options of a URI that hold secrets.
var secretOptions = []string{
	"tlscertificatekeyfilepassword", "sslclientcertificatekeypassword", "authmechanismproperties", "proxypassword",
}

// addURI makes the secrets of a MongoDB URI secret: the user, the password with and without its
// encoding, the whole URI, the parts of a password that is not encoded well, and the values of
// secret options.
func (s *secrets) addURI(uri string) {
	if info := userInfo(uri); info != "" {
		user, password, _ := strings.Cut(info, ":")
		s.addNames(user, unescaped(user))
		s.add(uri, password, unescaped(password))
		s.add(strings.FieldsFunc(password, func(r rune) bool { return strings.ContainsRune(":/?#[]@", r) })...)
	}
	for _, pair := range strings.FieldsFunc(uri, func(r rune) bool { return strings.ContainsRune("?&;", r) }) {
		key, value, _ := strings.Cut(pair, "=")
		if !slices.Contains(secretOptions, strings.ToLower(key)) {
			continue
		}
		s.add(value)
		if decoded, err := url.QueryUnescape(value); err == nil {
			s.add(decoded)
			for _, property := range strings.Split(decoded, ",") { // as in authMechanismProperties
				name, token, ok := strings.Cut(property, ":")
				if ok && strings.HasSuffix(strings.ToUpper(name), "TOKEN") {
					s.add(token)
				}
			}
		}
	}
}

// addEndpoint makes the secrets of an S3 server's URL secret: the user, the password and the query.
func (s *secrets) addEndpoint(endpoint string) {
	s.addURI(endpoint)
	_, query, _ := strings.Cut(endpoint, "?")
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return strings.ContainsRune("&;#", r) }) {
		_, value, _ := strings.Cut(pair, "=")
		s.add(pair, value)
		if decoded, err := url.QueryUnescape(value); err == nil {
			s.add(decoded)
		}
	}
}

// addEnvironment makes the secrets in the environment secret. It must run
// first, before any error.
func (s *secrets) addEnvironment() {
	s.addURI(os.Getenv("MONGODB_URI"))
	s.addEndpoint(os.Getenv("AWS_ENDPOINT_URL"))
	s.addEndpoint(os.Getenv("AWS_ENDPOINT_URL_S3"))
	s.addNames(os.Getenv("AWS_ACCESS_KEY_ID"))
	s.add(os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"))
	s.add(os.Getenv("MILLWEIR_SIGNING_PASSWORD"))
}

// unescaped returns text without its percent-encoding, or "".
func unescaped(text string) string {
	plain, _ := url.PathUnescape(text)
	return plain
}

// unknownOptions returns the names of the options that the driver does not know and ignores.
func unknownOptions(uri string) []string {
	if rest, ok := strings.CutPrefix(uri, connstring.SchemeMongoDBSRV+"://"); ok {
		uri = connstring.SchemeMongoDB + "://" + rest // has the same options, and needs no DNS
	}
	parsed, err := connstring.Parse(uri)
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(parsed.UnknownOptions))
}
