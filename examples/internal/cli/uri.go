package cli

import (
	"context"
	"errors"
	"fmt"
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

// uri returns the MongoDB URI and a name for messages of where it was found. The URI itself is in no message.
func (m *Mongo) uri() (uri, from string, err error) {
	switch {
	case m.direct != "" && m.file != "":
		return "", "", Usagef("-mongo and -mongo-file are both given: one is enough")
	case m.direct != "":
		return m.direct, "-mongo", nil
	case strings.Contains(m.file, "://"):
		return "", "", Usagef("-mongo-file wants the name of a file, not the URI: write the URI into a file, or give it by MONGODB_URI")
	case m.file != "":
		text, err := os.ReadFile(m.file)
		if err != nil {
			return "", "", fmt.Errorf("read -mongo-file: %w", err)
		}
		uri, from = strings.TrimSpace(string(text)), "the URI in "+m.file
		if uri == "" {
			return "", "", Usagef("%s is empty: write the MongoDB URI into it", m.file)
		}
		return uri, from, nil
	}
	if uri = os.Getenv("MONGODB_URI"); uri == "" {
		return "", "", Usagef("no MongoDB server given: set MONGODB_URI, -mongo-file or -mongo (mongodb://host:27017)")
	}
	return uri, "MONGODB_URI", nil
}

// parseURI reads a URI. For mongodb+srv:// that asks the DNS, which is not waited for when ctx ends.
func parseURI(ctx context.Context, uri string) (*options.ClientOptions, error) {
	parsed := make(chan *options.ClientOptions, 1)
	go func() { parsed <- options.Client().ApplyURI(uri) }()
	select {
	case opts := <-parsed:
		return opts, opts.Validate()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// uriError returns what is wrong with a URI, in the driver's words without secrets. It is a [*UsageError] unless the DNS or a file is
// to blame.
func uriError(from, uri string, err error, s *secrets) error {
	text := err.Error()
	syntax := strings.HasPrefix(text, "error parsing uri: ") && !aboutOptions.MatchString(text)
	for _, layer := range []string{"error parsing uri: ", "error validating uri: "} {
		text = strings.TrimPrefix(text, layer)
	}
	text = strings.TrimPrefix(text, `invalid host "": `) // the driver has lost its name
	text, _, _ = strings.Cut(text, ": strconv.")         // it quotes what may be a password whose host was forgotten
	text = s.foreign(hideUserInfo(text, uri))

	var dns *net.DNSError
	var path *fs.PathError
	switch {
	case errors.As(err, &dns):
		return &cleaned{fmt.Sprintf("%s: the DNS look-up of the servers of %s failed: correct the host, or the DNS (%s)", from, srvHost(uri), text), err}
	case badRecords.MatchString(text):
		return fmt.Errorf("%s: the DNS records of %s are wrong: %s", from, srvHost(uri), text)
	case errors.As(err, &path):
		return &cleaned{from + ": a file that the URI names cannot be read: " + text, err}
	case badFile.MatchString(text):
		return fmt.Errorf("%s: a file that the URI names is not what it should be: %s", from, text)
	case text == "invalid option":
		return Usagef("%s: invalid option: want name=value, and & between two of them", from)
	case syntax:
		return Usagef("%s: %s: want %s, with : / ? # [ ] @ %% in user and password percent-encoded", from, text, wantURI)
	}
	return Usagef("%s: %s", from, text)
}

var (
	badRecords   = regexp.MustCompile(`TXT record|records from TXT|SRV record|^server record|DNS message`)
	aboutOptions = regexp.MustCompile(`option|invalid value for |auth`)
	badFile      = regexp.MustCompile(`(?i)\bCA file|certificate|private key|\bPEM\b|tls: `)
)

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

// userInfo returns the part of a URI that has user and password. The last @ ends it, even if the password should have been encoded.
func userInfo(uri string) string {
	_, rest, ok := strings.Cut(uri, "://")
	if !ok {
		rest = uri
	}
	return rest[:max(strings.LastIndex(rest, "@"), 0)]
}

var quotedText = regexp.MustCompile(`"[^"]*"`)

// hideUserInfo hides what text quotes from the user and password of the URI, be it a few bytes.
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
var secretOptions = []string{"tlscertificatekeyfilepassword", "sslclientcertificatekeypassword", "authmechanismproperties", "proxypassword"}

// uriSecrets returns the secrets in a URI: the password with and without its encoding, with all of the URI around it, what is left of a
// password that is not encoded well, and the values of options.
func uriSecrets(uri string) []string {
	var found []string
	if _, password, ok := strings.Cut(userInfo(uri), ":"); ok {
		found = append(found, uri, password)
		if decoded, err := url.PathUnescape(password); err == nil {
			found = append(found, decoded)
		}
		found = append(found, strings.FieldsFunc(password, func(r rune) bool { return strings.ContainsRune(":/?#[]@", r) })...)
	}
	for _, pair := range strings.FieldsFunc(uri, func(r rune) bool { return strings.ContainsRune("?&;", r) }) {
		key, value, _ := strings.Cut(pair, "=")
		if !slices.Contains(secretOptions, strings.ToLower(key)) {
			continue
		}
		found = append(found, value)
		if decoded, err := url.QueryUnescape(value); err == nil {
			found = append(found, decoded)
			for _, property := range strings.Split(decoded, ",") { // of authMechanismProperties
				if name, token, ok := strings.Cut(property, ":"); ok && strings.HasSuffix(strings.ToUpper(name), "TOKEN") {
					found = append(found, token)
				}
			}
		}
	}
	return found
}

// unknownOptions returns the names of the options that the driver does not know. It ignores them.
func unknownOptions(uri string) []string {
	if rest, ok := strings.CutPrefix(uri, connstring.SchemeMongoDBSRV+"://"); ok {
		uri = connstring.SchemeMongoDB + "://" + rest // reads the same, without the DNS
	}
	parsed, err := connstring.Parse(uri)
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(parsed.UnknownOptions))
}
