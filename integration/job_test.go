package integration_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/integration/servers"
)

// job is a backup of a collection by the program millweir into a repository in S3, and its restore.
type job struct {
	coll         *mongo.Collection
	s            *servers.S3
	bucket, repo string
	keys         keys
	env          []string
}

// keys are the files of an age identity and of a signing key.
type keys struct{ identity, sign string }

func newKeys(t testing.TB) keys {
	t.Helper()
	dir := t.TempDir()
	k := keys{filepath.Join(dir, "me.txt"), filepath.Join(dir, "sign.key")}
	run(t, "millweir", nil, "keys", "generate", "--identity", k.identity, "--signing-key", k.sign).succeeded(t)
	return k
}

// newJob makes a repository in a new bucket.
func newJob(t testing.TB, m *servers.Mongo, s *servers.S3, coll *mongo.Collection) *job {
	t.Helper()
	j := &job{
		coll: coll, s: s, bucket: s.Bucket(t), keys: newKeys(t),
		env: append(s.Env(), "MONGODB_URI="+m.URI()),
	}
	j.repo = "s3://" + j.bucket + "/tenant"
	run(t, "millweir", j.env, "init", j.repo, "--identity", j.keys.identity, "--signing-key", j.keys.sign).succeeded(t)
	return j
}

// with returns the job's environment with more settings.
func (j *job) with(env ...string) []string { return append(slices.Clone(j.env), env...) }

// backup returns the arguments of the backup.
func (j *job) backup(more ...string) []string {
	return append([]string{
		"backup", j.repo, "--signing-key", j.keys.sign, "--include", j.coll.Database().Name() + "." + j.coll.Name(),
	}, more...)
}

// restore returns the arguments of a restore into coll.
func (j *job) restore(coll string, more ...string) []string {
	db := j.coll.Database().Name()
	return append([]string{
		"restore", j.repo, "--identity", j.keys.identity, "--signing-key", j.keys.sign,
		"--rename", db + "." + j.coll.Name() + "=" + db + "." + coll,
	}, more...)
}

// backups returns how many backups the repository has.
func (j *job) backups(t testing.TB) int {
	t.Helper()
	list := run(t, "millweir", j.env, "list", j.repo, "--json")
	list.succeeded(t)
	return strings.Count(list.stdout.String(), "\n")
}

// nothing fails the test if the repository has a backup, or the bucket an unfinished upload.
func (j *job) nothing(t testing.TB) {
	t.Helper()
	if n := j.backups(t); n > 0 {
		t.Errorf("the repository has %d backups", n)
	}
	if keys := j.uploads(t); len(keys) > 0 {
		t.Errorf("uploads are unfinished: %q", keys)
	}
}

// uploads returns the keys of the unfinished uploads.
func (j *job) uploads(t testing.TB) (keys []string) {
	t.Helper()
	all, err := j.s.Client(t).ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &j.bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all.Uploads {
		keys = append(keys, *u.Key)
	}
	return keys
}

func optionsOf(uri string) *options.ClientOptions { return options.Client().ApplyURI(uri) }

// directURI returns a URI for a proxy in front of a server. It turns discovery off, so that the
// client does not connect to the server itself.
func directURI(p *servers.Proxy) string { return "mongodb://" + p.Addr() + "/?directConnection=true" }

// half is the offset at which a proxy holds a job on the large collection: after a few parts and
// before the end.
const half = 20 << 20

// fillLarge loads a collection of 33 MB, which a backup stores in several parts.
func fillLarge(t testing.TB, coll *mongo.Collection) {
	t.Helper()
	load(t, coll, plain(t, 32_000, 1000))
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

// onlyCollections fails the test if the database has any collection other than want.
func onlyCollections(t testing.TB, db *mongo.Database, want ...string) {
	t.Helper()
	names, err := db.ListCollectionNames(t.Context(), bson.D{{Key: "name", Value: bson.D{{Key: "$nin", Value: want}}}})
	if err != nil || len(names) > 0 {
		t.Errorf("there are also the collections %q (%v)", names, err)
	}
}
