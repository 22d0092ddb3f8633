package main

import (
	"bytes"
	"fmt"
	"html"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
)

// session is a world with nine secrets, which logs everything that the programs write and store.
type session struct {
	*world
	mode    string
	secrets map[string]string
	secret  []string    // the files that may hold secrets
	refuse  atomic.Bool // S3 refuses everything, and repeats all secrets

	mu   sync.Mutex
	seen map[string][]byte // outputs, requests and objects
}

// The modes of a session.
const (
	plainMode    = "plain"
	jsonMode     = "json"
	terminalMode = "terminal"
)

var modes = []string{plainMode, jsonMode, terminalMode}

// newSession returns a session with a repository in S3, and one in a directory to copy to.
func newSession(t *testing.T, mode string) *session {
	t.Helper()
	const mongoPassword = "Canary/Mongo+Passw0rd?1"
	s := &session{world: newS3World(t), mode: mode, seen: map[string][]byte{}, secrets: map[string]string{
		"MongoDB password":  mongoPassword,
		"access key id":     "AKIACANARYACCESSKEY3",
		"secret key":        "canary/Secret+Access+Key/4/abcdefghijklmn",
		"session token":     "CanarySession+Token/5/abcdefghijk==",
		"endpoint password": "canary-Endpoint-Passw0rd-6",
		"signing password":  "canary signing Passw0rd 7",
	}}
	s.srv.Inject(mongotest.Fault{Command: "saslStart", Reply: loggedIn(t)})
	s.secrets["MongoDB URI"] = strings.Replace(s.srv.URI(), "://", "://me:"+url.QueryEscape(mongoPassword)+"@", 1) +
		"?authMechanism=PLAIN&serverSelectionTimeoutMS=2000"
	s.storage.Fault(s3test.Fault{Times: -1, Before: s.request})
	s.env = append(s.env, "MONGODB_URI="+s.secrets["MongoDB URI"], "AWS_MAX_ATTEMPTS=1", "TMPDIR="+filepath.Join(s.dir,
		"tmp"),
		"AWS_ACCESS_KEY_ID="+s.secrets["access key id"], "AWS_SECRET_ACCESS_KEY="+s.secrets["secret key"],
		"AWS_SESSION_TOKEN="+s.secrets["session token"], "MILLWEIR_SIGNING_PASSWORD="+s.secrets["signing password"],
		"AWS_ENDPOINT_URL_S3="+strings.Replace(s.storage.URL, "://", "://me:"+s.secrets["endpoint password"]+"@", 1))
	if err := os.Mkdir(filepath.Join(s.dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write(t, "mongo.uri", s.secrets["MongoDB URI"])
	s.write(t, "password", s.secrets["signing password"])
	s.do(t, 0, "keys", "generate", "--identity", "me.txt", "--signing-key", "plain.key")
	s.do(t, 0, "keys", "generate", "--identity", "other.txt", "--signing-key", "other.key")
	s.secrets["signing key"] = s.encryptKey(t, "plain.key", "sign.key", s.secrets["signing password"])
	s.secrets["signing key's file"] = s.lastLine(t, "plain.key")
	s.secrets["identity"] = s.lastLine(t, "me.txt")
	s.secrets["identity of another"] = s.lastLine(t, "other.txt")
	s.secret = append(s.secret, "me.txt", "plain.key", "other.txt", "other.key", "sign.key")
	return s
}

// loggedIn is the reply to a login.
func loggedIn(t *testing.T) bson.Raw {
	t.Helper()
	reply, err := bson.Marshal(bson.D{
		{Key: "conversationId", Value: int32(1)},
		{Key: "done", Value: true},
		{Key: "payload", Value: []byte{}},
		{Key: "ok", Value: 1.0},
	})
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// write writes a file that holds a secret.
func (s *session) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.secret = append(s.secret, name)
}

func (s *session) lastLine(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// request logs a request to S3 without its headers, or refuses it.
func (s *session) request(r *s3test.Request) *s3test.Reply {
	s.mu.Lock()
	s.seen[fmt.Sprint("request ", len(s.seen))] = fmt.Appendf(nil, "%s %v", r.Key, r.Query)
	s.seen[fmt.Sprint("body of request ", len(s.seen))] = r.Body
	s.mu.Unlock()
	if !s.refuse.Load() {
		return nil
	}
	echo := html.EscapeString(fmt.Sprint(s.cage(), r.Header))
	return &s3test.Reply{
		Status: http.StatusForbidden, Header: http.Header{"X-Amz-Request-Id": {s.secrets["secret key"]}},
		Body: []byte("<Error><Code>Denied</Code><Message>" + echo[:min(len(echo), 4000)] + "</Message></Error>"),
	}
}

// cage returns the forms of the secrets.
func (s *session) cage() cage { return newCage(s.secrets) }

// do runs a program in the mode of the session, and logs its output. A negative code means any code
// but 0.
func (s *session) do(t *testing.T, code int, args ...string) {
	t.Helper()
	if s.mode == jsonMode {
		args = append(args, "--json", "--debug")
	}
	cmd := s.command(t, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	written := out.String
	if s.mode == terminalMode {
		terminal, text := openTerminal(t)
		cmd.Stdout, cmd.Stderr = terminal, terminal
		written = func() string {
			_ = terminal.Close()
			return text()
		}
	}
	_ = cmd.Run()
	text := written()
	if got := cmd.ProcessState.ExitCode(); got != code && (code >= 0 || got == 0) {
		t.Errorf("%q: exit code %d, want %d: %.3000s", args, got, code, text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[fmt.Sprintf("%d: the output of %.60q", len(s.seen), args)] = []byte(text)
}

// store logs the objects in S3. s.mu is held.
func (s *session) store() {
	for _, r := range s.storage.Requests() {
		if o := s.storage.Object(bucket, r.Key); o != nil {
			s.seen["object "+o.Key] = fmt.Appendf(nil, "%s %v", o.Key, o.Header)
			s.seen["body of object "+o.Key] = o.Body
		}
	}
}

// found returns where which secrets are: in outputs, requests, objects and files.
func (s *session) found(t *testing.T) (found []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store()
	cage := s.cage()
	look := func(where string, text []byte) {
		for _, name := range cage.find(text) {
			found = append(found, name+" in "+where)
		}
	}
	for _, where := range slices.Sorted(maps.Keys(s.seen)) {
		look(where, s.seen[where])
	}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(s.dir, path)
		look("the file's name "+name, []byte(name))
		if d.Type().IsRegular() && !slices.Contains(s.secret, name) {
			text, err := os.ReadFile(path)
			look("the file "+name, text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
