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

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
)

// TestBackupReadByTools stores documents of every type, reads them back only with standard tools,
// and restores them. It stores 25,000 documents, or 100,000 with MILLWEIR_LONG.
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

	c := run(t, "millweir", j.env, j.backup("--json")...)
	c.succeeded(t)
	var report struct {
		Counts struct{ Documents, Collections, Stored int64 }
	}
	if err := json.Unmarshal(c.stdout.Bytes(), &report); err != nil || report.Counts.Documents != int64(n) ||
		report.Counts.Collections != 1 || report.Counts.Stored == 0 {
		t.Fatalf("the report is %s (%v)", c.stdout.String(), err)
	}
	if keys := j.uploads(t); len(keys) > 0 {
		t.Errorf("uploads are unfinished: %q", keys)
	}

	t.Run("tools", func(t *testing.T) {
		sameDocuments(t, readWithTools(t, s, j), want)
	})
	t.Run("restore", func(t *testing.T) {
		run(t, "millweir", j.env, j.restore("back")...).succeeded(t)
		sameDocuments(t, stored(t, db.Collection("back")), want)
	})
	t.Run("restore again", func(t *testing.T) {
		run(t, "millweir", j.env, j.restore("back")...).succeeded(t) // exactly these documents
		load(t, db.Collection("back"), []bson.Raw{marshal(t, bson.D{{Key: "_id", Value: "another"}})})
		run(t, "millweir", j.env, j.restore("back")...).refused(t, 1, "--replace", "--merge")
		run(t, "millweir", j.env, j.restore("back", "--merge")...).succeeded(t)
		run(t, "millweir", j.env, j.restore("back", "--replace", "--parallel", "1")...).succeeded(t)
		sameDocuments(t, stored(t, db.Collection("back")), want)
	})
}

// readWithTools reads a backup without this library.
func readWithTools(t *testing.T, s *servers.S3, j *job) []bson.Raw {
	t.Helper()
	for _, tool := range []string{"aws", "age", "gunzip", "jq"} {
		servers.Tool(t, "MILLWEIR_"+strings.ToUpper(tool), tool)
	}
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", `
aws s3 cp --quiet --recursive "$REPO" repo
age -d -i "$IDENTITY" -o epoch.txt repo/keys/*/0.age
for segment in $(ls repo/data/*/* | sort -V); do age -d -i epoch.txt $segment | gunzip | jq -c .; done`)
	cmd.Dir = t.TempDir()
	cmd.Env = append(withoutAWS(os.Environ()), s.Env()...)
	cmd.Env = append(cmd.Env, "REPO="+j.repo, "IDENTITY="+j.keys.identity)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var docs []bson.Raw
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var doc bson.Raw
		if err := bson.UnmarshalExtJSON(lines.Bytes(), true, &doc); err != nil {
			t.Fatalf("line %d: %v: %s", len(docs)+1, err, lines.Bytes())
		}
		if mark, _ := doc.Lookup("millweir").StringValueOK(); mark != "end" { // the record at the end of a segment
			docs = append(docs, doc)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
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
	for _, encoding := range []string{"jsonl.gz", "jsonl.zst", "bson.gz", "bson.zst"} {
		t.Run(encoding, func(t *testing.T) {
			run(t, "millweir", j.env, j.backup("--encoding", encoding, "--no-reuse")...).succeeded(t)
			name := strings.ReplaceAll(encoding, ".", "_") // FerretDB renames no collection to a name with dots
			run(t, "millweir", j.env, j.restore(name)...).succeeded(t)
			sameDocuments(t, stored(t, db.Collection(name)), want)
		})
	}
	run(t, "millweir", j.env, j.restore("bson_gz", "--replace")...).refused(t, 1, "in one step: drop ")
	t.Run("filter", func(t *testing.T) {
		few := db.Name() + `.c={"_id": {"$lt": {"$numberInt": "5"}}}`
		run(t, "millweir", j.env, j.backup("--filter", few)...).succeeded(t)
		run(t, "millweir", j.env, j.restore("few")...).succeeded(t)
		sameDocuments(t, stored(t, db.Collection("few")), want[:5])
	})
}

// TestBackupRefusals makes the mistakes of an operator. No backup may be made.
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
	filter := func(text string) []string { return []string{"--filter", db.Name() + ".c=" + text} }
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
		"no S3 server":       {j.with("AWS_ENDPOINT_URL_S3=http://" + free), nil, 1, []string{free, "S3"}},
		"wrong secret":       {j.with("AWS_SECRET_ACCESS_KEY=canary-secret"), nil, 1, []string{"credentials"}},
		"wrong access key":   {j.with("AWS_ACCESS_KEY_ID=nobody"), nil, 1, []string{"credentials"}},
		"missing bucket":     {j.env, []string{"--repo", "s3://no-such-bucket/x"}, 1, []string{"no-such-bucket"}},
		"missing repository": {j.env, []string{"--repo", "s3://" + j.bucket + "/x"}, 1, []string{"millweir init"}},
		"missing collection": {
			j.env, []string{"--include", "nowhere.other"}, 1, []string{"nowhere.other", "--include"},
		},
		"nothing matches":    {j.env, filter(`{"a": 1}`), 1, []string{"--allow-empty"}},
		"filter is not JSON": {j.env, filter("a=1"), 2, []string{"--filter"}},
		"filter is refused":  {j.env, filter(`{"$nonsense": 1}`), 2, []string{"$nonsense", "--filter"}},
		"unknown flag":       {j.env, []string{"--colection", "c"}, 2, []string{"--colection"}},
		"name of no bucket":  {j.env, []string{"--repo", "s3://No*Bucket/x"}, 2, []string{"No*Bucket"}},
		"no protection":      {j.env, []string{"--retain", "1h"}, 1, []string{"--retain", "Object Lock"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := j.backup(c.flags...)
			if slices.Contains(c.flags, "--repo") {
				args = slices.Delete(args, 1, 2) // the repository of the job
			}
			c2 := run(t, "millweir", c.env, args...)
			c2.refused(t, c.code, c.words...)
			if strings.Contains(c2.text(), "canary-secret") || strings.Contains(c2.text(), servers.SecretKey) {
				t.Errorf("it shows a secret: %s", c2.text())
			}
			j.nothing(t)
		})
	}
	t.Run("an empty collection with leave", func(t *testing.T) {
		empty := newJob(t, m, s, db.Collection("empty"))
		run(t, "millweir", empty.env, empty.backup()...).refused(t, 1, "--allow-empty")
		empty.nothing(t)
		run(t, "millweir", empty.env, empty.backup("--allow-empty")...).succeeded(t)
		run(t, "millweir", empty.env, empty.restore("nothing")...).succeeded(t)
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

	file := filepath.Join(t.TempDir(), "uri")
	if err := os.WriteFile(file, []byte(uri(password)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string]string{"no password": m.URI(), "wrong password": uri("canary-wrong")} {
		t.Run(name, func(t *testing.T) {
			c := run(t, "millweir", j.with("MONGODB_URI="+env), j.backup()...)
			c.refused(t, 1, "user")
			if strings.Contains(c.text(), "canary") {
				t.Errorf("it shows a password: %s", c.text())
			}
			j.nothing(t)
		})
	}
	run(t, "millweir", j.with("MONGODB_URI="), j.backup("--mongo-file", file)...).succeeded(t)
	run(t, "millweir", j.with("MONGODB_URI="+uri("canary-wrong")), j.restore("back")...).refused(t, 1, "user")
	run(t, "millweir", j.with("MONGODB_URI="), j.restore("back", "--mongo-file", file)...).succeeded(t)
	sameDocuments(t, stored(t, client.Database("shop").Collection("back")), plain(t, 10, 10))
}
