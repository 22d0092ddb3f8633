package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/cmd/millweir/internal/cli"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/s3test"
)

// The tests run the program as a process: the test binary itself, if this variable is set. With
// bursts the program panics at its end, and the value has its whole environment.
const (
	asProgram = "MILLWEIR_TEST_AS_PROGRAM"
	bursts    = "burst"
)

func TestMain(m *testing.M) {
	if how := os.Getenv(asProgram); how != "" {
		_ = os.Unsetenv(asProgram)
		if how == bursts {
			cli.Main("millweir", burst)
		}
		main()
	}
	os.Exit(m.Run())
}

// burst runs the program, and panics.
func burst(ctx context.Context, p *cli.Program, args []string) error {
	err := run(ctx, p, args)
	panic(fmt.Sprint(err, os.Environ()))
}

// world is a directory, the servers, the place of the repository, and the environment of the
// programs.
type world struct {
	dir     string
	srv     *mongotest.Server
	storage *s3test.Server // nil if the repository is a directory
	repo    string
	env     []string
	secrets []string // that no output may show
}

// newWorld returns a world whose repository is a directory.
func newWorld(t *testing.T) *world {
	t.Helper()
	srv := mongotest.NewServer()
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	return &world{dir: dir, srv: srv, repo: "./repo", env: []string{
		asProgram + "=1", "HOME=" + dir, "PATH=" + os.Getenv("PATH"), "MONGODB_URI=" + srv.URI(),
	}}
}

const (
	bucket   = "backups"
	password = "canary-pa55word"
)

// newS3World returns a world whose repository is in S3.
func newS3World(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.storage = w.s3(t, nil)
	w.repo = "s3://" + bucket + "/tenant"
	return w
}

// s3 starts an S3 server with a bucket, for the programs of the world.
func (w *world) s3(t *testing.T, opts *s3test.Options) *s3test.Server {
	t.Helper()
	server := s3test.New(opts)
	t.Cleanup(server.Close)
	server.CreateBucket(bucket)
	w.secrets = append(w.secrets, password)
	w.env = append(w.env, "AWS_ENDPOINT_URL_S3="+server.URL, "AWS_ACCESS_KEY_ID=AKIAEXAMPLE",
		"AWS_SECRET_ACCESS_KEY="+password, "AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=2")
	return server
}

// eachStore runs a test with a repository in a directory and with one in S3.
func eachStore(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("directory", func(t *testing.T) { test(t, newWorld(t)) })
	t.Run("S3", func(t *testing.T) { test(t, newS3World(t)) })
}

// with returns the world with more settings in its environment.
func (w *world) with(env ...string) *world {
	other := *w
	other.env = append(slices.Clone(w.env), env...)
	return &other
}

// outcome is what a program did.
type outcome struct {
	code     int
	out      string // standard output
	messages string // standard error
}

// command returns the program, ready to start.
func (w *world) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	return cmd
}

// run runs the program with its arguments.
func (w *world) run(t *testing.T, args ...string) outcome {
	t.Helper()
	return w.wait(t, w.command(t, args...), func(*os.Process, <-chan struct{}) {})
}

// wait starts the program, calls meanwhile, and waits for the end. No output may show a secret.
func (w *world) wait(t *testing.T, cmd *exec.Cmd, meanwhile func(p *os.Process, ended <-chan struct{})) outcome {
	t.Helper()
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = cmd.Wait()
	}()
	meanwhile(cmd.Process, ended)
	<-ended
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	o := outcome{cmd.ProcessState.ExitCode(), out.String(), messages.String()}
	for _, secret := range w.secrets {
		if strings.Contains(o.out+o.messages, secret) {
			t.Errorf("%q shows %s:\n%s%s", cmd.Args[1:], secret, o.out, o.messages)
		}
	}
	return o
}

// must runs the program, which must succeed.
func (w *world) must(t *testing.T, args ...string) outcome {
	t.Helper()
	o := w.run(t, args...)
	if o.code != 0 {
		t.Fatalf("millweir %s: exit code %d: %s", strings.Join(args, " "), o.code, o.messages)
	}
	return o
}

// earlierLines match the lines that may precede the last message.
var earlierLines = regexp.MustCompile(`(?m)^(millweir: (began|under way|waiting for|warning)\b.*` +
	`|\{.*("level":"WARN"|"msg":"(began|under way|waiting)").*)\n`)

// fails runs the program, which must end with a code and a message of one line that has all of the
// words.
func (w *world) fails(t *testing.T, code int, words []string, args ...string) {
	t.Helper()
	w.run(t, args...).saysOnly(t, code, words...)
}

// saysOnly checks the exit code, and that the program ended with one message, which has all of the
// words.
func (o outcome) saysOnly(t *testing.T, code int, words ...string) {
	t.Helper()
	message := earlierLines.ReplaceAllString(o.messages, "")
	if o.code != code || strings.Count(message, "\n") != 1 {
		t.Errorf("exit code %d, want %d: %s", o.code, code, o.messages)
	}
	for _, word := range words {
		if !strings.Contains(message, word) {
			t.Errorf("%q is missing: %s", word, o.messages)
		}
	}
}

// add adds documents with the _ids from 0 on.
func (w *world) add(t *testing.T, db, coll string, n int) {
	t.Helper()
	for i := range n {
		doc, err := bson.Marshal(bson.D{{Key: "_id", Value: i}, {Key: "name", Value: strings.Repeat("x", 100)}})
		if err != nil {
			t.Fatal(err)
		}
		w.srv.Add(db, coll, doc)
	}
}

// keys makes an identity and a signing key.
func (w *world) keys(t *testing.T) {
	t.Helper()
	w.must(t, "keys", "generate", "--identity", "me.txt", "--signing-key", "sign.key")
}

// repository makes keys and a repository.
func (w *world) repository(t *testing.T) {
	t.Helper()
	w.keys(t)
	w.must(t, "init", w.repo, "--identity", "me.txt", "--signing-key", "sign.key")
}

// backup returns the arguments of a backup.
func (w *world) backup(more ...string) []string {
	return append([]string{"backup", w.repo, "--signing-key", "sign.key"}, more...)
}

// restore returns the arguments of a restore into the database back.
func (w *world) restore(more ...string) []string {
	return append([]string{
		"restore", w.repo, "--identity", "me.txt", "--signing-key", "sign.key", "--rename", "shop=back",
	}, more...)
}

// backups returns how many backups the repository has.
func (w *world) backups(t *testing.T) int {
	t.Helper()
	return strings.Count(w.must(t, "list", w.repo, "--json").out, "\n")
}

// restored checks that the database back has n documents of orders.
func (w *world) restored(t *testing.T, n int) {
	t.Helper()
	if got := w.srv.Documents("back", "orders"); len(got) != n || fmt.Sprint(got) !=
		fmt.Sprint(w.srv.Documents("shop", "orders")) && n > 0 {
		t.Errorf("%d documents were restored, or others than %d", len(got), n)
	}
}
