// Package exectest runs the example programs as processes against servers for tests.
package exectest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Bucket is the one bucket of the S3 server.
const Bucket = "backups"

// World has the servers of a test, the keys, and the built programs.
type World struct {
	S3  *s3.Client
	DB  *mongo.Database // shop
	URI string          // of the MongoDB server

	Identity  string // file of the right secret key
	Stranger  string // file of another secret key
	Recipient string // the public key of Identity

	bin     string
	env     []string
	secrets []string
}

// catchHangup makes SIGHUP end the programs even if the test runs under nohup. A child inherits
// that a signal is ignored, but a signal that this process catches has its default effect in a
// child.
func catchHangup(t *testing.T) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(caught) })
}

// Start builds the programs and starts the servers. They end with the test.
func Start(t *testing.T, programs ...string) *World {
	t.Helper()
	catchHangup(t)
	w := &World{bin: t.TempDir()}
	args := []string{"build", "-o", w.bin}
	if race {
		args = append(args, "-race")
	}
	for _, p := range programs {
		args = append(args, "github.com/millweir/millweir/examples/"+p)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}

	started := startServers(t)
	client, err := mongo.Connect(options.Client().ApplyURI(started.MongoURI))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	w.DB, w.URI = client.Database("shop"), started.MongoURI

	w.S3 = s3.New(s3.Options{
		BaseEndpoint: &started.S3Endpoint,
		Region:       "us-east-1",
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(started.AccessKey, started.Secret, ""),
	})

	w.Identity, w.Recipient = w.newKey(t)
	w.Stranger, _ = w.newKey(t)
	w.secrets = append(w.secrets, started.Secret)
	w.env = []string{
		"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), // hide the user's own settings
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_MAX_ATTEMPTS=2",
		"MONGODB_URI=" + w.URI,
		"AWS_ACCESS_KEY_ID=" + started.AccessKey, "AWS_SECRET_ACCESS_KEY=" + started.Secret,
		"AWS_ENDPOINT_URL_S3=" + started.S3Endpoint,
	}
	return w
}

// newKey writes a new secret key into a file.
func (w *World) newKey(t *testing.T) (file, recipient string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	w.secrets = append(w.secrets, id.String())
	return w.File(t, id.String()+"\n"), id.Recipient().String()
}

// File writes text into a new file.
func (w *World) File(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Secret returns the text of the secret key in Identity.
func (w *World) Secret(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(w.Identity)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// Hide makes s a secret that no output may show.
func (w *World) Hide(s string) { w.secrets = append(w.secrets, s) }

// Result is the exit code and the output of a program.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Command returns a program ready to start. Later settings in env replace earlier ones.
func (w *World) Command(env []string, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(w.bin, program), args...)
	cmd.Env = append(append([]string(nil), w.env...), env...)
	return cmd
}

// Run runs a program to its end.
func (w *World) Run(t *testing.T, env []string, program string, args ...string) Result {
	t.Helper()
	return w.Wait(t, w.Command(env, program, args...), nil)
}

// Wait starts cmd, calls meanwhile, and waits for the end. It fails the test if the output shows a
// secret.
func (w *World) Wait(t *testing.T, cmd *exec.Cmd, meanwhile func(*os.Process)) Result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	if meanwhile != nil {
		meanwhile(cmd.Process)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := Result{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	for _, s := range w.secrets {
		if strings.Contains(r.Stdout+r.Stderr, s) {
			t.Errorf("the output has a secret in it:\n%s%s", r.Stdout, r.Stderr)
		}
	}
	return r
}

// asides match the lines that may come before the outcome: progress every 5 s, which a run on a
// slow machine may reach, and warnings.
var asides = regexp.MustCompile(
	`(?m)^(\w+: (under way|warning|waiting for)\b.*|\{.*("level":"WARN"|"msg":"(under way|waiting)").*)\n`)

// Outcome returns the standard error of r without progress and warnings.
func (r Result) Outcome() string { return asides.ReplaceAllString(r.Stderr, "") }

// OneLine fails the test unless r has the exit code and one line on standard error that contains
// all words.
func OneLine(t *testing.T, r Result, code int, words ...string) {
	t.Helper()
	if r.Code != code {
		t.Errorf("exit code %d, want %d", r.Code, code)
	}
	message := r.Outcome()
	if strings.Count(message, "\n") != 1 || !strings.HasSuffix(message, "\n") || r.Stdout != "" {
		t.Errorf("want one line on standard error")
	}
	for _, word := range words {
		if !strings.Contains(r.Stderr, word) {
			t.Errorf("the message lacks %q", word)
		}
	}
	t.Logf("stderr: %s", r.Stderr) // shown with -v, or if the test fails
}

// Fill inserts n documents into a collection and returns the stored documents, sorted by _id.
func (w *World) Fill(t *testing.T, coll string, n int) []bson.Raw {
	t.Helper()
	docs := make([]any, n)
	for i := range docs {
		docs[i] = bson.D{
			{Key: "_id", Value: fmt.Sprintf("cookie-%06d", i)},
			{Key: "batch", Value: int64(i) << 33},
			{Key: "bakery", Value: bson.D{
				{Key: "city", Value: "København"},
				{Key: "ovens", Value: bson.A{int32(1), 2.5, nil}},
			}},
			{Key: "baked", Value: bson.DateTime(1700000000000 + int64(i))},
		}
	}
	if _, err := w.DB.Collection(coll).InsertMany(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	return w.Documents(t, coll)
}

// Documents returns the documents of a collection, sorted by _id.
func (w *World) Documents(t *testing.T, coll string) []bson.Raw {
	t.Helper()
	cursor, err := w.DB.Collection(coll).Find(t.Context(), bson.D{},
		options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		t.Fatal(err)
	}
	var docs []bson.Raw
	if err := cursor.All(t.Context(), &docs); err != nil {
		t.Fatal(err)
	}
	return docs
}

// Collections returns the names of all collections, as one text.
func (w *World) Collections(t *testing.T) string {
	t.Helper()
	names, err := w.DB.ListCollectionNames(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// Stored returns the keys of the bucket and of its unfinished uploads, as one text.
func (w *World) Stored(t *testing.T) string {
	t.Helper()
	bucket := Bucket
	objects, err := w.S3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range objects.Contents {
		keys = append(keys, *o.Key)
	}
	uploads, err := w.S3.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode() == "NoSuchUpload": // gofakes3's reply if there is none
		return strings.Join(keys, " ")
	case err != nil:
		t.Fatal(err)
	}
	for _, u := range uploads.Uploads {
		keys = append(keys, *u.Key+" (unfinished)")
	}
	return strings.Join(keys, " ")
}

// Put stores an object.
func (w *World) Put(t *testing.T, key string, body []byte) {
	t.Helper()
	bucket := Bucket
	_, err := w.S3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
}

// Get returns the bytes of an object.
func (w *World) Get(t *testing.T, key string) []byte {
	t.Helper()
	bucket := Bucket
	out, err := w.S3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(out.Body); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}
