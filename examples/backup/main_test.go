package main_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/examples/internal/exectest"
)

const password = "canary-pa55word"

// arguments returns a valid command line, followed by more, which may override its flags.
func arguments(w *exectest.World, more ...string) []string {
	return append([]string{
		"-db", "shop", "-collection", "cookies", "-bucket", exectest.Bucket, "-key", "c.jsonl.gz.age", "-recipient",
		w.Recipient,
	}, more...)
}

func TestRefused(t *testing.T) {
	w := exectest.Start(t, "backup")
	w.Hide(password)
	w.Hide("canary-secret")
	w.Fill(t, "cookies", 10)
	if err := w.DB.CreateCollection(t.Context(), "hollow"); err != nil {
		t.Fatal(err)
	}
	env := func(s ...string) []string { return s }
	for _, c := range []struct {
		name string
		env  []string
		args []string
		code int
		says []string
	}{
		{
			"no database server", env("MONGODB_URI=mongodb://u:" + password +
				"@127.0.0.1:1/?serverSelectionTimeoutMS=300"), arguments(w), 1,
			[]string{"no MongoDB server answers at 127.0.0.1:1", "start it"},
		},
		{"no database given", env("MONGODB_URI="), arguments(w), 2, []string{"set MONGODB_URI"}},
		{"database given twice", nil, arguments(w, "-mongo", w.URI, "-mongo-file", "x"), 2, []string{"-mongo-file"}},
		{
			"URI for a file", nil, arguments(w, "-mongo-file", "mongodb://u:"+password+"@127.0.0.1/"), 2,
			[]string{"-mongo-file", "name of a file"},
		},
		{"no such URI file", nil, arguments(w, "-mongo-file", "/no/such/file"), 1, []string{"/no/such/file"}},
		{
			"malformed URI", env("MONGODB_URI=mongodb://u:" + password + "/x@127.0.0.1:1/"), arguments(w), 2,
			[]string{
				"MONGODB_URI", "unescaped slash in password", "mongodb://[user:password@]host",
				"percent-encoded",
			},
		},
		{
			"malformed URI in a file", nil,
			arguments(w, "-mongo-file", w.File(t, "mongo://u:"+password+"@127.0.0.1/")), 2,
			[]string{"scheme must be"},
		},
		{"empty URI file", nil, arguments(w, "-mongo-file", w.File(t, "\n")), 2, []string{"is empty"}},
		{
			"no such host of Atlas", env("MONGODB_URI=mongodb+srv://u:" + password + "@cluster0.millweir.invalid/"),
			arguments(w), 1,
			[]string{"MONGODB_URI", "DNS", "cluster0.millweir.invalid"},
		},
		{
			"no such CA file", env("MONGODB_URI=mongodb://u:" + password +
				"@127.0.0.1/?tls=true&tlsCAFile=/no/ca.pem"), arguments(w), 1,
			[]string{"MONGODB_URI", "open /no/ca.pem: no such file"},
		},
		{
			"wrong port", env("MONGODB_URI=mongodb://u:" + password + "@h:277777/"), arguments(w), 2,
			[]string{"MONGODB_URI: port must be in the range"},
		},
		{
			"port is no number", env("MONGODB_URI=mongodb://u:" + password), arguments(w), 2,
			[]string{"MONGODB_URI: port must be an integer", "want mongodb"},
		},
		{
			"option without a value", env("MONGODB_URI=mongodb://u:" + password + "@h/?tls"), arguments(w), 2,
			[]string{"invalid option", "name=value"},
		},
		{
			"value of an option", env("MONGODB_URI=mongodb://u:" + password + "@h/?maxPoolSize=many"), arguments(w), 2,
			[]string{`invalid value for "maxPoolSize": "many"`},
		},
		{
			"wrong database password", env("MONGODB_URI=" + strings.Replace(w.URI, "://", "://u:"+password+"@", 1)),
			arguments(w), 1,
			[]string{"refuses the user or the password"},
		},
		{
			"no collection", nil, arguments(w, "-collection", "biscuits"), 1,
			[]string{"no collection shop.biscuits", "-collection", "nothing was stored", "-allow-empty"},
		},
		{
			"empty collection", nil, arguments(w, "-collection", "hollow"), 1,
			[]string{"collection shop.hollow is empty", "nothing was stored", "-allow-empty"},
		},
		{
			"nothing matches", nil, arguments(w, "-filter", `{"_id": "none"}`), 1,
			[]string{"no document of shop.cookies matches -filter", "nothing was stored"},
		},
		{
			"filter of the server's dislike", nil, arguments(w, "-filter", `{"$nonsense": 1}`), 2,
			[]string{"$nonsense", "-filter", "operators: https://", "nothing was stored"},
		},
		{"filter is no JSON", nil, arguments(w, "-filter", `{status: new}`), 2, []string{"-filter", "JSON object"}},
		{"filter is two documents", nil, arguments(w, "-filter", `{} {}`), 2, []string{"-filter", "JSON object"}},
		{"filter is null", nil, arguments(w, "-filter", `null`), 2, []string{"-filter", "JSON object"}},
		{
			"filter is no Extended JSON", nil, arguments(w, "-filter", `{"_id": {"$oid": "zz"}}`), 2,
			[]string{"-filter", "Extended JSON"},
		},
		{
			"no S3 server", env("AWS_ENDPOINT_URL_S3=http://127.0.0.1:1"), arguments(w), 1,
			[]string{"no S3 server answers at http://127.0.0.1:1", "refused"},
		},
		{
			"no URL of an S3 server", env("AWS_ENDPOINT_URL_S3=127.0.0.1:9000"), arguments(w), 2,
			[]string{"AWS_ENDPOINT_URL_S3", "127.0.0.1:9000", "want https://"},
		},
		{
			"no scheme of an S3 server", env("AWS_ENDPOINT_URL_S3=localhost:9000"), arguments(w), 2,
			[]string{"AWS_ENDPOINT_URL_S3", "want https://"},
		},
		{
			"password in the URL of an S3 server", env("AWS_ENDPOINT_URL_S3=http://u:" + password + "@127.0.0.1:1"),
			arguments(w), 1,
			[]string{"no S3 server answers"},
		},
		{"no name of a bucket", nil, arguments(w, "-bucket", "My_Bucket"), 1, []string{"-bucket"}},
		{"long key", nil, arguments(w, "-key", strings.Repeat("k", 1025)), 2, []string{"-key has 1025 bytes", "1024"}},
		{"name of a database", nil, arguments(w, "-db", "a.b"), 2, []string{"-db", "cannot be the name"}},
		{
			"name of a collection", nil, arguments(w, "-collection", ".b"), 2,
			[]string{"-collection", "cannot be the name"},
		},
		{
			"no bucket", nil, arguments(w, "-bucket", "bakcups"), 1,
			[]string{"bucket bakcups does not exist", "create it"},
		},
		{
			"wrong secret", env("AWS_SECRET_ACCESS_KEY=canary-secret"), arguments(w), 1,
			[]string{"refuses the AWS credentials", "AWS_SECRET_ACCESS_KEY"},
		},
		{"wrong access key", env("AWS_ACCESS_KEY_ID=NOBODY"), arguments(w), 1, []string{"refuses the AWS credentials"}},
		{
			"no credentials", env("AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="), arguments(w), 1,
			[]string{"no AWS credentials", "AWS_PROFILE"},
		},
		{"no such profile", env("AWS_PROFILE=nobody"), arguments(w), 1, []string{"nobody"}},
		{"no region", env("AWS_ENDPOINT_URL_S3="), arguments(w), 1, []string{"AWS_REGION"}},
		{"nobody to encrypt to", nil, arguments(w)[:8], 2, []string{"-recipient", "-no-encryption"}},
		{"encrypted and not", nil, arguments(w, "-no-encryption"), 2, []string{"-no-encryption contradicts"}},
		{
			"malformed recipient", nil, arguments(w, "-recipient", "age1xyz"), 2,
			[]string{"-recipient number 2", "malformed"},
		},
		{
			"secret keys for a recipient", nil, arguments(w, "-recipient", "# my key\n"+w.Secret(t)), 2,
			[]string{"-recipient", "secret key"},
		},
		{
			"secret key for a recipient", nil, arguments(w, "-recipient", w.Secret(t)), 2,
			[]string{"-recipient", "secret key"},
		},
		{
			"secret key for a file", nil, arguments(w, "-identity", w.Secret(t)), 2,
			[]string{"-identity", "name of a file"},
		},
		{
			"text of an identity file", nil, arguments(w, "-identity", "# created: now\n"+w.Secret(t)), 2,
			[]string{"-identity", "name of a file"},
		},
		{
			"text of an identity file for recipients", nil,
			arguments(w, "-recipients-file", "# created: now\n"+w.Secret(t)), 2,
			[]string{"-recipients-file", "name of a file"},
		},
		{"no such identity", nil, arguments(w, "-identity", "/no/such/key"), 1, []string{"-identity", "/no/such/key"}},
		{
			"malformed identity", nil, arguments(w, "-identity", w.File(t, w.Secret(t)+"X")), 1,
			[]string{"-identity", "line 1"},
		},
		{
			"no such recipients", nil, arguments(w, "-recipients-file", "/no/such/file"), 1,
			[]string{"-recipients-file", "/no/such/file"},
		},
		{"unknown flag", nil, arguments(w, "-pasword", password), 2, []string{"-pasword", "backup -h"}},
		{
			"URI for another flag", nil, arguments(w, "-gzip-level", "mongodb://u:"+password+"@127.0.0.1/"), 2,
			[]string{"-gzip-level", "whole number"},
		},
		{"argument without a flag", nil, arguments(w, password), 2, []string{"1 argument"}},
		{"missing flags", nil, []string{"-db", "shop", "-bucket", "b"}, 2, []string{"missing -collection, -key"}},
		{"no flags", nil, nil, 2, []string{"missing -db, -collection, -bucket, -key"}},
		{"part size in words", nil, arguments(w, "-part-size", "big"), 2, []string{"-part-size", "8MiB"}},
		{"part size below 0", nil, arguments(w, "-part-size", "-8MiB"), 2, []string{"-part-size", "8MiB"}},
		{"part size too small", nil, arguments(w, "-part-size", "5242879"), 2, []string{"5242879", "5MiB to 5GiB"}},
		{"part size too large", nil, arguments(w, "-part-size", "6GiB"), 2, []string{"5MiB to 5GiB"}},
		{"no parallelism", nil, arguments(w, "-parallelism", "0"), 2, []string{"-parallelism 0"}},
		{"much parallelism", nil, arguments(w, "-parallelism", "10001"), 2, []string{"-parallelism 10001"}},
		{"gzip level", nil, arguments(w, "-gzip-level", "10"), 2, []string{"-gzip-level 10"}},
		{"JSON form", nil, arguments(w, "-json", "pretty"), 2, []string{`"pretty"`}},
		{"server-side encryption", nil, arguments(w, "-sse", "aws:kms:"), 2, []string{"-sse", "AES256"}},
		{
			"server-side encryption that is not done", nil, arguments(w, "-sse", "AES256"), 1,
			[]string{"-sse", "nothing was stored"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			exectest.OneLine(t, w.Run(t, c.env, "backup", c.args...), c.code, append(c.says, "backup: ")...)
			if got := w.Stored(t); got != "" {
				t.Errorf("the bucket has %s", got)
			}
		})
	}
}

func TestStored(t *testing.T) {
	w := exectest.Start(t, "backup")
	docs := w.Fill(t, "cookies", 1500)
	if err := w.DB.CreateCollection(t.Context(), "hollow"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		args  []string
		docs  []bson.Raw
		plain bool // not encrypted
	}{
		{"recipient", arguments(w), docs, false},
		{
			"identity, other settings",
			append(arguments(w)[:8], "-identity", w.Identity, "-gzip-level", "1",
				"-part-size", "6MB", "-parallelism", "1"),
			docs, false,
		},
		{
			"recipients in a file",
			append(arguments(w)[:8], "-recipients-file", w.File(t, "# me\n\n"+w.Recipient+"\n")),
			docs, false,
		},
		{
			"filter", arguments(w, "-filter", `{"_id": {"$in": ["cookie-000001", "cookie-000007"]}}`),
			[]bson.Raw{docs[1], docs[7]},
			false,
		},
		{"relaxed", arguments(w, "-json", "relaxed"), docs, false},
		{"plain", append(arguments(w)[:8], "-no-encryption"), docs, true},
		{"empty", arguments(w, "-collection", "hollow", "-allow-empty"), nil, false},
		{"missing", arguments(w, "-collection", "none", "-allow-empty"), nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.Run(t, nil, "backup", append(c.args, "-json-log")...)
			exectest.OneLine(t, r, 0)
			object := w.Get(t, "c.jsonl.gz.age")
			var size int64
			for _, d := range c.docs {
				size += int64(len(d))
			}
			var log struct {
				Msg         string  `json:"msg"`
				Documents   int     `json:"documents"`
				Bytes       int64   `json:"bytes"`
				StoredBytes int     `json:"stored_bytes"`
				Parts       *int    `json:"parts"`
				ETag        string  `json:"etag"`
				Elapsed     float64 `json:"elapsed"`
				Encrypted   bool    `json:"encrypted"`
			}
			if err := json.Unmarshal([]byte(r.Outcome()), &log); err != nil {
				t.Fatal(err)
			}
			if log.Msg != "backup stored" || log.Documents != len(c.docs) || log.Bytes != size ||
				log.StoredBytes != len(object) ||
				log.Parts == nil || log.ETag == "" || log.Elapsed <= 0 || log.Encrypted == c.plain {
				t.Errorf("%d documents, %d bytes, %d stored: logged as %s", len(c.docs), size, len(object), r.Stderr)
			}

			lines := open(t, w, object, c.plain)
			if len(lines) != len(c.docs) {
				t.Fatalf("%d lines for %d documents", len(lines), len(c.docs))
			}
			for i, line := range lines {
				var doc bson.Raw
				if err := bson.UnmarshalExtJSON(line, false, &doc); err != nil {
					t.Fatal(err)
				}
				if canonical := c.name != "relaxed"; canonical && !bytes.Equal(doc, c.docs[i]) {
					t.Errorf("%s is not %v", line, c.docs[i])
				}
			}
		})
	}
}

// open reads a backup with libraries that did not write it: age's own reader and compress/gzip.
func open(t *testing.T, w *exectest.World, object []byte, plain bool) [][]byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(object)
	if !plain {
		id, err := age.ParseX25519Identity(w.Secret(t))
		if err != nil {
			t.Fatal(err)
		}
		if r, err = age.Decrypt(r, id); err != nil {
			t.Fatal(err)
		}
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
}

func TestIfAbsent(t *testing.T) {
	w := exectest.Start(t, "backup")
	w.Fill(t, "cookies", 3)
	if r := w.Run(t, nil, "backup", arguments(w, "-if-absent")...); r.Code != 0 {
		t.Fatal(r.Stderr)
	}
	before := w.Get(t, "c.jsonl.gz.age")
	exectest.OneLine(t, w.Run(t, nil, "backup", arguments(w, "-if-absent")...), 1, "has an object already",
		"-if-absent", "nothing was stored")
	if !bytes.Equal(before, w.Get(t, "c.jsonl.gz.age")) {
		t.Error("the object was replaced")
	}
}

// TestHelp checks that -h has everything that a new user needs.
func TestHelp(t *testing.T) {
	w := exectest.Start(t, "backup")
	r := w.Run(t, nil, "backup", "-h")
	if r.Code != 0 || r.Stderr != "" {
		t.Errorf("exit code %d, stderr %s", r.Code, r.Stderr)
	}
	for _, want := range []string{
		"usage: backup -db NAME", "export MONGODB_URI='mongodb://user:password@", "-part-size SIZE",
		"(default 8.0MiB)", "The collection:\n", "Messages:\n",
		"indexes", "validator", "not a snapshot", "Exit codes:\n  0 ", "\n  3 ",
	} {
		if !strings.Contains(r.Stdout, want) {
			t.Errorf("-h lacks %q", want)
		}
	}
	if strings.Contains(r.Stdout, "DATABASE") || strings.Contains(r.Stdout, "[hidden]") {
		t.Error("-h has a value that says nothing")
	}
	if t.Failed() {
		t.Log(r.Stdout)
	}
	r = w.Run(t, nil, "backup", "-version")
	if !regexp.MustCompile(`^backup \S+, millweir \S+, go1\.\S+\n$`).MatchString(r.Stdout) || r.Code != 0 ||
		r.Stderr != "" {
		t.Errorf("-version says %s", r.Stdout)
	}
}

// TestJSON checks that failures are reported in JSON, even if the mistake precedes -json-log on the
// command line.
func TestJSON(t *testing.T) {
	w := exectest.Start(t, "backup")
	for _, args := range [][]string{
		{"-gzip-level", "x", "-json-log"},
		{"-json-log", "-gzip-level", "x"},
		{"-json-log"},
	} {
		r := w.Run(t, nil, "backup", args...)
		var log struct {
			Level, Msg, Error string
			Exit              int
		}
		if err := json.Unmarshal([]byte(r.Stderr), &log); err != nil || r.Code != 2 || log.Exit != 2 ||
			log.Level != "ERROR" || log.Msg != "backup failed" || log.Error == "" {
			t.Errorf("%q: exit code %d, %s (%v)", args, r.Code, r.Stderr, err)
		}
	}
}

// TestLeftOut checks the warning that names what the object lacks.
func TestLeftOut(t *testing.T) {
	w := exectest.Start(t, "backup")
	w.Fill(t, "cookies", 3)
	r := w.Run(t, nil, "backup", arguments(w)...)
	if strings.Contains(r.Stderr, "warning") {
		t.Errorf("a collection with nothing but documents is warned of: %s", r.Stderr)
	}
	unique := mongo.IndexModel{Keys: bson.D{{Key: "batch", Value: 1}}, Options: options.Index().SetUnique(true)}
	if _, err := w.DB.Collection("cookies").Indexes().CreateOne(t.Context(), unique); err != nil {
		t.Fatal(err)
	}
	exectest.OneLine(t, w.Run(t, nil, "backup", arguments(w)...), 0,
		"backup: warning: ", "1 index: batch_1 (unique)", "no snapshot", "\nbackup: stored 3 documents")
	r = w.Run(t, nil, "backup", arguments(w, "-json-log")...)
	exectest.OneLine(t, r, 0,
		`"level":"WARN","msg":"left out of the backup","kind":"collection","indexes":["batch_1 (unique)"],"options":[],"snapshot":false`)
}

// TestStopped stops backups while the server does not reply to the first part.
func TestStopped(t *testing.T) {
	w := exectest.Start(t, "backup")
	incompressible(t, w)
	for _, c := range []struct {
		signal syscall.Signal
		code   int
		says   string
	}{
		{syscall.SIGTERM, 143, "stopped by SIGTERM"},
		{syscall.SIGINT, 130, "stopped by SIGINT"},
		{syscall.SIGHUP, 129, "stopped by SIGHUP"},
	} {
		t.Run(c.says, func(t *testing.T) {
			endpoint, stuck := stalling(t, w, isPart)
			cmd := w.Command([]string{"AWS_ENDPOINT_URL_S3=" + endpoint}, "backup",
				arguments(w, "-part-size", "5MiB")...)
			var began time.Time
			r := w.Wait(t, cmd, func(p *os.Process) {
				<-stuck
				began = time.Now()
				_ = p.Signal(c.signal)
			})
			exectest.OneLine(t, r, c.code, c.says, "nothing was stored")
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v to end", took)
			}
			if got := w.Stored(t); got != "" {
				t.Errorf("the bucket has %s", got)
			}
		})
	}
}

// TestFrozen reads the progress of a backup whose server accepts parts but never acknowledges them.
// The progress must not count the bytes sent as stored.
func TestFrozen(t *testing.T) {
	w := exectest.Start(t, "backup")
	incompressible(t, w)
	endpoint, _ := stalling(t, w, isPart)
	cmd := w.Command([]string{"AWS_ENDPOINT_URL_S3=" + endpoint}, "backup", arguments(w, "-part-size", "5MiB")...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := ""
	for lines := bufio.NewScanner(stderr); line == "" && lines.Scan(); {
		if strings.Contains(lines.Text(), "12 documents") && strings.Contains(lines.Text(), "nothing has moved") {
			line = lines.Text()
		}
	}
	_ = cmd.Process.Kill()
	_, _ = io.Copy(io.Discard, stderr)
	_ = cmd.Wait() // killed
	if !strings.HasPrefix(line, "backup: under way: 0 %, 12 documents, ") || !strings.Contains(line, " 0 B of ") ||
		!strings.Contains(line, " stored, 0 parts, ") {
		t.Errorf("the progress is %q", line)
	}
}

// TestSignalledTwice sends the signal twice, as timeout(1) does: to the process and at once to its
// group. The program must still abort the upload.
func TestSignalledTwice(t *testing.T) {
	w := exectest.Start(t, "backup")
	incompressible(t, w)
	endpoint, stuck := stalling(t, w, isPart)
	cmd := w.Command([]string{"AWS_ENDPOINT_URL_S3=" + endpoint}, "backup", arguments(w, "-part-size", "5MiB")...)
	r := w.Wait(t, cmd, func(p *os.Process) {
		<-stuck
		_ = p.Signal(syscall.SIGTERM)
		time.Sleep(20 * time.Millisecond) // so that the kernel does not merge the two
		_ = p.Signal(syscall.SIGTERM)
	})
	exectest.OneLine(t, r, 143, "stopped by SIGTERM", "nothing was stored")
	if got := w.Stored(t); got != "" {
		t.Errorf("the bucket has %s", got)
	}
}

// TestUnclear stops a backup whose last request gets no reply. The server may still be storing the
// object.
func TestUnclear(t *testing.T) {
	w := exectest.Start(t, "backup")
	w.Fill(t, "cookies", 3)
	endpoint, stuck := stalling(t, w, func(r *http.Request) bool { return r.Method == http.MethodPut })
	cmd := w.Command([]string{"AWS_ENDPOINT_URL_S3=" + endpoint}, "backup", arguments(w)...)
	r := w.Wait(t, cmd, func(p *os.Process) {
		<-stuck
		_ = p.Signal(syscall.SIGTERM)
	})
	exectest.OneLine(t, r, 3, "stopped by SIGTERM", "whether the object was stored is unknown", "c.jsonl.gz.age",
		"before you trust it")
}

// TestUnread closes the pipe that reads a backup's messages. The backup must go on.
func TestUnread(t *testing.T) {
	w := exectest.Start(t, "backup")
	incompressible(t, w)
	endpoint, stuck := stalling(t, w, func(r *http.Request) bool { return r.Method == http.MethodDelete })
	cmd := w.Command([]string{"AWS_ENDPOINT_URL_S3=" + endpoint}, "backup", arguments(w, "-part-size", "5MiB")...)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	_ = read.Close()
	if err := cmd.Wait(); err != nil || len(stuck) > 0 {
		t.Errorf("it ended with %v", err)
	}
	if got := w.Stored(t); got != "c.jsonl.gz.age" {
		t.Errorf("the bucket has %s", got)
	}
}

// TestKilled sends a second signal to a backup that cannot abort its upload, because the server
// does not reply.
func TestKilled(t *testing.T) {
	w := exectest.Start(t, "backup")
	incompressible(t, w)
	isAbort := func(r *http.Request) bool { return r.Method == http.MethodDelete }
	endpoint, stuck := stalling(t, w, func(r *http.Request) bool { return isPart(r) || isAbort(r) })
	cmd := w.Command([]string{"AWS_ENDPOINT_URL_S3=" + endpoint}, "backup", arguments(w, "-part-size", "5MiB")...)
	r := w.Wait(t, cmd, func(p *os.Process) {
		for r := range stuck {
			_ = p.Signal(syscall.SIGTERM)
			if isAbort(r) {
				// The program ignores a second signal that follows at once, because timeout(1)
				// sends two.
				go func() {
					for p.Signal(syscall.SIGTERM) == nil {
						time.Sleep(300 * time.Millisecond)
					}
				}()
				return
			}
		}
	})
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v, not by the second signal: %s", cmd.ProcessState, r.Stderr)
	}
}

// incompressible fills the collection with 12 MiB, which are more than two parts of an object.
func incompressible(t *testing.T, w *exectest.World) {
	t.Helper()
	noise := rand.NewChaCha8([32]byte{})
	for range 12 {
		photo := make([]byte, 1<<20)
		_, _ = noise.Read(photo) // never fails
		if _, err := w.DB.Collection("cookies").InsertOne(t.Context(),
			bson.D{{Key: "photo", Value: photo}}); err != nil {
			t.Fatal(err)
		}
	}
}

func isPart(r *http.Request) bool { return r.URL.Query().Has("partNumber") }

// stalling returns the endpoint of a proxy in front of the S3 server, and a channel. The proxy does
// not reply to the requests that match, and sends them to the channel.
func stalling(t *testing.T, w *exectest.World, match func(*http.Request) bool) (endpoint string,
	stuck <-chan *http.Request,
) {
	t.Helper()
	target, err := url.Parse(*w.S3.Options().BaseEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	came, over := make(chan *http.Request, 100), make(chan struct{})
	forward := httputil.NewSingleHostReverseProxy(target) // keeps the Host, which is signed
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !match(r) {
			forward.ServeHTTP(rw, r)
			return
		}
		came <- r
		<-over
	}))
	t.Cleanup(proxy.Close)
	t.Cleanup(func() { close(over) })
	return proxy.URL, came
}
