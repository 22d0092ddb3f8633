package main

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
)

// canaries are secrets of every kind, which a server that knows them could repeat.
var canaries = []string{
	"Canary-User-1", "Canary-Password-2", "Canary-SecretKey-3", "Canary-SessionToken-4", "Canary-EndpointToken-5",
	"Canary-EndpointUser-6", "Canary-EndpointPassword-7",
}

// weak is a password that could be a word.
const weak = "hunter2"

// betrayal returns a text with all canaries and an identity, also escaped, in parts of URIs, and
// after a cut.
func betrayal(identity string) string {
	// A program cannot hide a user and a password that its URI does not have, so these two are only
	// in a URI.
	all := strings.Join(canaries[2:], " ") + " " + identity
	return all + fmt.Sprintf(" %q mongodb://%s:%s@h/?x=%s https://%s@h/?t=%s\n\x1b[31m ",
		all, canaries[0], canaries[1], canaries[1], canaries[5], canaries[4]) +
		strings.Repeat("x", 1<<20) + all
}

// between returns the world with the canaries in the settings of its servers.
func (w *world) between(mongo, storage string) *world {
	password := canaries[6]
	if strings.Contains(mongo, weak) {
		password = weak
	}
	return w.with(
		"MONGODB_URI="+mongo,
		"AWS_ENDPOINT_URL_S3="+strings.Replace(storage, "://", "://"+canaries[5]+":"+password+"@", 1)+
			"/?token="+canaries[4],
		"AWS_SECRET_ACCESS_KEY="+canaries[2], "AWS_SESSION_TOKEN="+canaries[3], "AWS_MAX_ATTEMPTS=1")
}

// betrayed runs programs that must fail with a short message and without a secret.
func (w *world) betrayed(t *testing.T, mongo, storage string) {
	t.Helper()
	other := w.between(mongo, storage)
	for _, more := range [][]string{{"--retry", "1ns"}, {"--retry", "1ns", "--json", "--debug"}} {
		for _, args := range [][]string{
			w.backup(more...), w.restore(more...), append([]string{"doctor", w.repo, "--identity", "me.txt"}, more...),
		} {
			o := other.run(t, args...)
			if o.code == 0 || len(o.messages) > 16<<10 || strings.ContainsRune(o.out+o.messages, '\x1b') {
				t.Errorf("%q: exit code %d, %d bytes: %.500s", args, o.code, len(o.messages), o.messages)
			}
		}
	}
}

// No output shows a secret, even if a server repeats it in its messages.
func TestCanaries(t *testing.T) {
	w := newS3World(t)
	w.add(t, "shop", "orders", 1)
	w.repository(t)
	w.must(t, w.backup()...)
	w.secrets = append(append(w.secrets, canaries...), weak)
	identity, err := os.ReadFile(filepath.Join(w.dir, "me.txt"))
	if err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(string(identity[strings.LastIndex(string(identity), "AGE-SECRET-KEY"):]))
	w.secrets = append(w.secrets, key)
	says := betrayal(key)
	withUser := func(uri string) string {
		return strings.Replace(uri, "://", "://"+canaries[0]+":"+canaries[1]+"@", 1)
	}

	broken := map[string]http.HandlerFunc{
		"garbage": func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, says) },
		"headers": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("ETag", says[:200])
			rw.WriteHeader(http.StatusTeapot)
		},
		"redirect": func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "/x?t="+canaries[3], http.StatusTemporaryRedirect)
		},
		"abort": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for _, code := range []string{"AccessDenied", "SignatureDoesNotMatch", "InvalidArgument", "SlowDown", canaries[2]} {
		broken[code] = func(rw http.ResponseWriter, r *http.Request) {
			rw.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(rw, "<Error><Code>%s</Code><Message>%s %s</Message></Error>", code, html.EscapeString(says),
				html.EscapeString(fmt.Sprint(r.Header, r.URL)))
		}
	}
	for name, handler := range broken {
		t.Run("S3, "+name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			w.betrayed(t, w.srv.URI(), server.URL)
		})
	}
	t.Run("S3, weak", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(rw, "<Error><Code>Other</Code><Message>the password %s is wrong</Message></Error>", weak)
		}))
		defer server.Close()
		w.betrayed(t, w.srv.URI()+"?appName="+weak, server.URL)
	})
	for _, op := range []string{"PutObject", "HeadObject", "GetObject"} {
		t.Run("S3, "+op, func(t *testing.T) {
			defer w.storage.ClearFaults()
			w.storage.Fault(s3test.Fault{Op: op, Times: -1, Before: func(*s3test.Request) *s3test.Reply {
				return &s3test.Reply{
					Status: http.StatusBadRequest,
					Body:   []byte("<Error><Code>X</Code><Message>" + html.EscapeString(says) + "</Message></Error>"),
				}
			}})
			w.between(w.srv.URI(), w.storage.URL).run(t, w.backup()...)
			w.between(w.srv.URI(), w.storage.URL).run(t, w.restore()...)
		})
	}
	for _, command := range []string{"hello", "isMaster", "ping", "find", "listCollections"} {
		t.Run("MongoDB, "+command, func(t *testing.T) {
			database := mongotest.NewServer()
			defer database.Close()
			uri, text := database.URI()+"?serverSelectionTimeoutMS=300", says
			if command == "hello" || command == "isMaster" { // sent before the login, which this server does not have
				uri, text = withUser(uri), says+withUser(" ://")+strings.Join(canaries[:2], " ")
			}
			database.Inject(mongotest.Fault{Command: command, Code: 8000, Text: text})
			w.between(uri, w.storage.URL).run(t, w.backup()...)
			w.between(uri, w.storage.URL).run(t, w.restore()...)
		})
	}
	for name, uri := range map[string]string{
		"login":    withUser(w.srv.URI()),
		"nobody":   withUser("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300"),
		"DNS":      withUser("mongodb+srv://millweir.invalid/"),
		"options":  withUser("mongodb://127.0.0.1/?maxPoolSize=" + canaries[1]),
		"port":     withUser("mongodb://127.0.0.1:" + canaries[1] + "/"),
		"escape":   withUser("mongodb://127.0.0.1/") + "%zz?" + canaries[1],
		"weak":     strings.Replace(withUser(w.srv.URI()), canaries[1], weak, 1),
		"no host":  "mongodb://" + canaries[0] + ":" + canaries[1],
		"no slash": "mongodb:" + canaries[0] + ":" + canaries[1] + "@h",
	} {
		t.Run("URI, "+name, func(t *testing.T) { w.betrayed(t, uri, w.storage.URL) })
	}
}
