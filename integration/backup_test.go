package integration_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
)

// keys is an age key pair: the name of the secret key's file, its text, and the public key.
type keys struct{ file, secret, public string }

func newKeys(t testing.TB) keys {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return keys{file, id.String(), id.Recipient().String()}
}

// job is a backup and its restore.
type job struct {
	coll   *mongo.Collection
	bucket string
	keys   keys
	env    []string
}

const key = "backups/c.jsonl.gz.age"

func newJob(t testing.TB, m *servers.Mongo, s *servers.S3, coll *mongo.Collection) *job {
	t.Helper()
	return &job{
		coll:   coll,
		bucket: s.Bucket(t),
		keys:   newKeys(t),
		env:    append(s.Env(), "MONGODB_URI="+m.URI()),
	}
}

// with returns the job's environment with more settings.
func (j *job) with(env ...string) []string { return append(slices.Clone(j.env), env...) }

// store returns the arguments of the backup.
func (j *job) store(more ...string) []string {
	return append([]string{
		"-db", j.coll.Database().Name(), "-collection", j.coll.Name(), "-bucket", j.bucket, "-key", key,
		"-recipient", j.keys.public, "-part-size", "5MiB", "-gzip-level", "1",
	}, more...)
}

// restore returns the arguments of a restore into coll.
func (j *job) restore(coll string, more ...string) []string {
	return append([]string{
		"-db", j.coll.Database().Name(), "-collection", coll, "-bucket", j.bucket, "-key", key,
		"-identity", j.keys.file,
	}, more...)
}

// directURI returns a URI for a proxy in front of a server. It turns discovery off, so that the
// client does not connect to the server itself.
func directURI(p *servers.Proxy) string { return "mongodb://" + p.Addr() + "/?directConnection=true" }

// TestBackupReadByTools stores documents of every type, reads them back only with standard tools,
// and restores them. It stores 25,000 documents, which fit into one part, or 100,000 with
// MILLWEIR_LONG, which do not.
func TestBackupReadByTools(t *testing.T) {
	m, s := servers.Shared.SecantusDB(t), servers.Shared.Versitygw(t)
	db := m.Database(t)
	j := newJob(t, m, s, db.Collection("c"))
	n := 25_000
	if long {
		n = 100_000
	}
	want := make([]bson.Raw, n)
	for i := range want {
		want[i] = marshal(t, mixedDocument(i))
	}
	load(t, j.coll, want)
	types := map[bson.Type]bool{}
	for _, d := range want[:1000] {
		elems, err := d.Elements()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range elems {
			types[e.Value().Type] = true
		}
	}
	if len(types) != 21 {
		t.Errorf("the documents have %d of the 21 BSON types: %v", len(types), types)
	}

	c := run(t, "backup", j.env, j.store("-json-log")...)
	c.succeeded(t)
	var report struct {
		Documents, Parts int
		StoredBytes      int64 `json:"stored_bytes"`
		ETag             string
	}
	if err := json.Unmarshal([]byte(c.last()), &report); err != nil {
		t.Fatalf("the last line is %q: %v", c.last(), err)
	}
	head, err := s.Client(t).HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &j.bucket, Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	if report.Documents != n || report.StoredBytes != *head.ContentLength || report.ETag != *head.ETag ||
		(report.Parts > 1) != long {
		t.Errorf("the report is %+v, the object has %d bytes and the ETag %s", report, *head.ContentLength, *head.ETag)
	}
	if ids := s.Uploads(t, j.bucket, key); len(ids) > 0 {
		t.Errorf("%d uploads are pending", len(ids))
	}

	t.Run("tools", func(t *testing.T) {
		sameDocuments(t, readWithTools(t, s, j), want)
	})
	t.Run("restore", func(t *testing.T) {
		run(t, "restore", j.env, j.restore("back")...).succeeded(t)
		sameDocuments(t, stored(t, db.Collection("back")), want)
	})
	t.Run("restore again", func(t *testing.T) {
		run(t, "restore", j.env, j.restore("back")...).refused(t, 1, "-drop", "-merge")
		run(t, "restore", j.env, j.restore("back", "-merge")...).succeeded(t)
		run(t, "restore", j.env, j.restore("back", "-drop", "-batch", "7777", "-parallelism", "2")...).succeeded(t)
		sameDocuments(t, stored(t, db.Collection("back")), want)
	})
}

// readWithTools reads a backup without this library.
func readWithTools(t *testing.T, s *servers.S3, j *job) []bson.Raw {
	t.Helper()
	for _, tool := range []string{"aws", "age", "gunzip", "jq"} {
		servers.Tool(t, "MILLWEIR_"+strings.ToUpper(tool), tool)
	}
	cmd := exec.Command("bash", "-o", "pipefail", "-c",
		`aws s3 cp "s3://$BUCKET/$KEY" - | age -d -i "$FILE" | gunzip | jq -c .`)
	cmd.Env = append(withoutAWS(os.Environ()), s.Env()...)
	cmd.Env = append(cmd.Env, "BUCKET="+j.bucket, "KEY="+key, "FILE="+j.keys.file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var docs []bson.Raw
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var doc bson.Raw
			if err := bson.UnmarshalExtJSON(line, true, &doc); err != nil {
				t.Fatalf("line %d: %v: %s", len(docs)+1, err, line)
			}
			docs = append(docs, doc)
		}
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return docs
}

// withoutAWS returns env without the variables of the AWS tools.
func withoutAWS(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(s string) bool { return strings.HasPrefix(s, "AWS_") })
}

// TestBackupFromFerretDB backs up and restores with the other servers and the other flags.
func TestBackupFromFerretDB(t *testing.T) {
	m, s := servers.Shared.FerretDB(t), servers.Shared.MinIO(t)
	db := m.Database(t)
	j := newJob(t, m, s, db.Collection("c"))
	want := commonDocuments(t)
	load(t, j.coll, want)
	for name, c := range map[string]struct {
		flags []string
		sse   string
	}{
		"SSE-S3":  {[]string{"-sse", "AES256"}, "AES256"},
		"SSE-KMS": {[]string{"-sse", "aws:kms:" + servers.KMSKey}, "aws:kms"},
		"relaxed": {[]string{"-json", "relaxed", "-gzip-level", "9"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, "backup", j.env, j.store(c.flags...)...).succeeded(t)
			head, err := s.Client(t).HeadObject(t.Context(),
				&s3.HeadObjectInput{Bucket: &j.bucket, Key: aws.String(key)})
			if err != nil {
				t.Fatal(err)
			}
			if string(head.ServerSideEncryption) != c.sse {
				t.Errorf("the object is encrypted by %q", head.ServerSideEncryption)
			}
			run(t, "restore", j.env, j.restore("back", "-drop")...).succeeded(t)
			if got := stored(t, db.Collection("back")); name != "relaxed" {
				sameDocuments(t, got, want)
			} else if len(got) != len(want) {
				t.Errorf("%d documents of %d", len(got), len(want))
			}
		})
	}
	t.Run("filter", func(t *testing.T) {
		run(t, "backup", j.env, j.store("-filter", `{"_id": {"$lt": {"$numberInt": "5"}}}`)...).succeeded(t)
		run(t, "restore", j.env, j.restore("few")...).succeeded(t)
		sameDocuments(t, stored(t, db.Collection("few")), want[:5])
	})
	t.Run("if absent", func(t *testing.T) {
		run(t, "backup", j.env, j.store("-if-absent")...).refused(t, 1, key)
	})
}

// TestBackupRefusals makes the mistakes of an operator. No backup may store anything.
func TestBackupRefusals(t *testing.T) {
	m, s := servers.Shared.SecantusDB(t), servers.Shared.Versitygw(t)
	db := m.Database(t)
	j := newJob(t, m, s, db.Collection("c"))
	load(t, j.coll, plain(t, 10, 10))
	if err := db.CreateCollection(t.Context(), "empty"); err != nil {
		t.Fatal(err)
	}
	free, err := servers.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env   []string
		flags []string
		code  int
		words []string
	}{
		"no database server": {
			j.with("MONGODB_URI=mongodb://" + free + "/?serverSelectionTimeoutMS=500"), nil, 1,
			[]string{free, "MongoDB"},
		},
		"no S3 server":        {j.with("AWS_ENDPOINT_URL_S3=http://" + free), nil, 1, []string{free, "S3"}},
		"wrong secret":        {j.with("AWS_SECRET_ACCESS_KEY=canary-secret"), nil, 1, []string{"credentials"}},
		"wrong access key":    {j.with("AWS_ACCESS_KEY_ID=nobody"), nil, 1, []string{"credentials"}},
		"missing bucket":      {j.env, []string{"-bucket", "no-such-bucket"}, 1, []string{"no-such-bucket", "-bucket"}},
		"missing collection":  {j.env, []string{"-collection", "other"}, 1, []string{"other", "-collection"}},
		"missing database":    {j.env, []string{"-db", "other"}, 1, []string{"other", "-db"}},
		"empty collection":    {j.env, []string{"-collection", "empty"}, 1, []string{"empty", "-allow-empty"}},
		"nothing matches":     {j.env, []string{"-filter", `{"a": 1}`}, 1, []string{"-filter"}},
		"filter is not JSON":  {j.env, []string{"-filter", "a=1"}, 2, []string{"-filter"}},
		"filter is refused":   {j.env, []string{"-filter", `{"$nonsense": 1}`}, 2, []string{"$nonsense", "-filter"}},
		"unknown flag":        {j.env, []string{"-colection", "c"}, 2, []string{"-colection"}},
		"part size too small": {j.env, []string{"-part-size", "1MiB"}, 2, []string{"-part-size"}},
		// versitygw ignores the header
		"no encryption there": {j.env, []string{"-sse", "AES256"}, 1, []string{"-sse", "does not"}},
		"name of no bucket":   {j.env, []string{"-bucket", "No_Bucket"}, 2, []string{"No_Bucket", "-bucket"}},
		"name of no database": {j.env, []string{"-db", "a.b"}, 2, []string{"a.b", "-db"}},
		"key too long":        {j.env, []string{"-key", strings.Repeat("k", 1025)}, 2, []string{"1025"}},
		"wrong recipient":     {j.env, []string{"-recipient", "age1nobody"}, 2, []string{"-recipient"}},
	} {
		t.Run(name, func(t *testing.T) {
			c2 := run(t, "backup", c.env, j.store(c.flags...)...)
			c2.refused(t, c.code, c.words...)
			if strings.Contains(c2.text(), "canary-secret") || strings.Contains(c2.text(), servers.SecretKey) {
				t.Errorf("it shows a secret: %s", c2.text())
			}
			s.Nothing(t, j.bucket, key)
		})
	}
	t.Run("an empty collection with leave", func(t *testing.T) {
		run(t, "backup", j.env, j.store("-collection", "empty", "-allow-empty")...).succeeded(t)
		run(t, "restore", j.env, j.restore("nothing")...).succeeded(t)
		if docs := stored(t, db.Collection("nothing")); len(docs) > 0 {
			t.Errorf("%d documents", len(docs))
		}
	})
}

// TestBackupPassword backs up from a server that requires a password.
func TestBackupPassword(t *testing.T) {
	t.Parallel()
	m, s := servers.SecantusDB(t, "--auth"), servers.Shared.Versitygw(t)
	const password = "canary-pa55word"
	if err := m.Client(t).Database("admin").RunCommand(t.Context(), bson.D{
		{Key: "createUser", Value: "root"}, {Key: "pwd", Value: password}, {Key: "roles", Value: bson.A{"root"}},
	}).Err(); err != nil {
		t.Fatal(err)
	}
	uri := func(password string) string {
		return fmt.Sprintf("mongodb://root:%s@%s/?authSource=admin", password, m.Addr())
	}
	client, err := mongo.Connect(optionsOf(uri(password)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(t.Context())
	j := newJob(t, m, s, client.Database("shop").Collection("c"))
	load(t, j.coll, plain(t, 10, 10))

	for name, env := range map[string]string{"no password": m.URI(), "wrong password": uri("canary-wrong")} {
		t.Run(name, func(t *testing.T) {
			c := run(t, "backup", j.with("MONGODB_URI="+env), j.store()...)
			c.refused(t, 1, "user")
			if strings.Contains(c.text(), "canary") {
				t.Errorf("it shows a password: %s", c.text())
			}
			s.Nothing(t, j.bucket, key)
			run(t, "restore", j.with("MONGODB_URI="+env), j.restore("back")...).refused(t, 1, "user")
		})
	}
	file := filepath.Join(t.TempDir(), "uri")
	if err := os.WriteFile(file, []byte(uri(password)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "backup", j.with("MONGODB_URI="), j.store("-mongo-file", file)...).succeeded(t)
	run(t, "restore", j.with("MONGODB_URI="), j.restore("back", "-mongo-file", file)...).succeeded(t)
	sameDocuments(t, stored(t, client.Database("shop").Collection("back")), plain(t, 10, 10))
}

// until waits until f returns true.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(hang); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v: not yet %s", hang, what)
		}
	}
}
