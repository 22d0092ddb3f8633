package main_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/examples/internal/exectest"
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

// betrayal returns a text with all canaries, including escaped ones, parts of URIs, and some after
// a cut.
func betrayal(w *exectest.World, t *testing.T) string {
	t.Helper()
	// A program cannot hide a user and a password that its URI does not have, so these two are only
	// in a URI.
	all := strings.Join(canaries[2:], " ") + " " + w.Secret(t)
	return all + fmt.Sprintf(" %q mongodb://%s:%s@h/?x=%s https://%s@h/?t=%s\n\x1b[31m ",
		all, canaries[0], canaries[1], canaries[1], canaries[5], canaries[4]) +
		strings.Repeat("x", 1<<20) + all
}

// environment returns settings with the canaries in them.
func environment(mongo, storage string) []string {
	password := canaries[6]
	if strings.Contains(mongo, weak) {
		password = weak
	}
	return []string{
		"MONGODB_URI=" + mongo,
		"AWS_ENDPOINT_URL_S3=" + strings.Replace(storage, "://", "://"+canaries[5]+":"+password+"@", 1) +
			"/?token=" + canaries[4],
		"AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=" + canaries[2], "AWS_SESSION_TOKEN=" + canaries[3],
		"AWS_MAX_ATTEMPTS=1",
	}
}

// withCookie returns a new server with one document in shop.cookies.
func withCookie(t *testing.T) *mongotest.Server {
	t.Helper()
	doc, err := bson.Marshal(bson.D{{Key: "_id", Value: 1}})
	if err != nil {
		t.Fatal(err)
	}
	database := mongotest.NewServer()
	t.Cleanup(database.Close)
	database.Add("shop", "cookies", doc)
	return database
}

// TestCanaries runs both programs against servers that fail with messages that hold every secret.
// No output may show one.
func TestCanaries(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	for _, c := range append(canaries, weak) {
		w.Hide(c)
	}
	says := betrayal(w, t)
	withUser := func(uri string) string {
		return strings.Replace(uri, "://", "://"+canaries[0]+":"+canaries[1]+"@", 1)
	}

	word := func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(rw, "<Error><Code>Other</Code><Message>the password %s is wrong</Message></Error>", weak)
	}
	t.Run("S3, weak", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(word))
		defer server.Close()
		database := withCookie(t)
		run(t, w, database.URI()+"?appName="+weak, server.URL)
	})
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
			database := withCookie(t)
			server := httptest.NewServer(handler)
			defer server.Close()
			run(t, w, database.URI(), server.URL)
		})
	}
	for _, op := range []string{"PutObject", "HeadObject", "GetObject"} {
		t.Run("S3, "+op, func(t *testing.T) {
			database := withCookie(t)
			server := s3test.New(nil)
			defer server.Close()
			server.CreateBucket(exectest.Bucket)
			server.Fault(s3test.Fault{Op: op, Times: -1, Before: func(*s3test.Request) *s3test.Reply {
				return &s3test.Reply{
					Status: http.StatusBadRequest,
					Body:   []byte("<Error><Code>X</Code><Message>" + html.EscapeString(says) + "</Message></Error>"),
				}
			}})
			server.Put(exectest.Bucket, key, exectest.Gzip("{}\n"))
			run(t, w, database.URI(), server.URL)
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
			run(t, w, uri, "http://127.0.0.1:1")
		})
	}
	for name, uri := range map[string]string{
		"login":    withUser(w.URI),
		"nobody":   withUser("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300"),
		"DNS":      withUser("mongodb+srv://millweir.invalid/"),
		"options":  withUser("mongodb://127.0.0.1/?maxPoolSize=" + canaries[1]),
		"port":     withUser("mongodb://127.0.0.1:" + canaries[1] + "/"),
		"escape":   withUser("mongodb://127.0.0.1/") + "%zz?" + canaries[1],
		"weak":     strings.Replace(withUser(w.URI), canaries[1], weak, 1),
		"no host":  "mongodb://" + canaries[0] + ":" + canaries[1],
		"no slash": "mongodb:" + canaries[0] + ":" + canaries[1] + "@h",
	} {
		t.Run("URI, "+name, func(t *testing.T) { run(t, w, uri, "http://127.0.0.1:1") })
	}
}

// run runs both programs. Each must fail with a short message.
func run(t *testing.T, w *exectest.World, mongo, storage string) {
	t.Helper()
	for _, more := range [][]string{nil, {"-json-log", "-debug"}} {
		for program, coll := range map[string]string{"backup": "cookies", "restore": "back"} {
			r := w.Run(t, environment(mongo, storage), program, arguments(w, append(more, "-collection", coll)...)...)
			if r.Code == 0 || len(r.Stderr) > 16<<10 || strings.ContainsRune(r.Stderr, '\x1b') {
				t.Errorf("%s: exit code %d, %d bytes: %.500s", program, r.Code, len(r.Stderr), r.Stderr)
			}
		}
	}
}
