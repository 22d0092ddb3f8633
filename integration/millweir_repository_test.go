package integration_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/dirstore"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/integration/servers"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// repository is a repository of the program millweir, which the tests also look at by themselves.
type repository struct {
	location string
	keys     string   // the directory of the keys
	env      []string // of the program, without a server of MongoDB
	store    func(t testing.TB, set ...func(*s3.Options)) backup.Store

	unfinished func(t testing.TB) []string // objects that were begun
}

// newProgramKeys makes keys for repositories, and returns their directory.
func newProgramKeys(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	run(t, "millweir", nil, "keys", "generate", "--identity", filepath.Join(dir, "me.txt"),
		"--signing-key", filepath.Join(dir, "sign.key")).succeeded(t)
	return dir
}

// inDirectory makes a repository in a directory.
func inDirectory(t testing.TB, keys string) *repository {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repo")
	r := &repository{
		location: dir, keys: keys,
		store: func(testing.TB, ...func(*s3.Options)) backup.Store { return dirstore.New(dir, nil) },
		unfinished: func(t testing.TB) (found []string) {
			err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() && strings.HasPrefix(d.Name(), ".") {
					found = append(found, path)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return found
		},
	}
	r.init(t)
	return r
}

// inBucket makes a repository in a new bucket of an S3 server.
func inBucket(t testing.TB, keys string, s *servers.S3) *repository {
	t.Helper()
	const prefix = "tenant"
	bucket := s.Bucket(t)
	r := &repository{
		location: "s3://" + bucket + "/" + prefix, keys: keys, env: s.Env(),
		store: func(t testing.TB, set ...func(*s3.Options)) backup.Store {
			return s3store.New(servers.Client(t, s.Endpoint(), set...), bucket, prefix, nil)
		},
		unfinished: func(t testing.TB) (found []string) {
			out, err := s.Client(t).ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
			if err != nil {
				t.Fatal(err)
			}
			for i := range out.Uploads {
				found = append(found, *out.Uploads[i].Key)
			}
			return found
		},
	}
	r.init(t)
	return r
}

func (r *repository) init(t testing.TB) {
	t.Helper()
	r.run(t, nil, "init", "--identity", r.identity(), "--signing-key", r.signingKey()).succeeded(t)
}

func (r *repository) identity() string   { return filepath.Join(r.keys, "me.txt") }
func (r *repository) signingKey() string { return filepath.Join(r.keys, "sign.key") }

// start starts a command of millweir for the repository, with more in its environment.
func (r *repository) start(t testing.TB, env []string, command string, args ...string) *child {
	t.Helper()
	return start(t, "millweir", slices.Concat(r.env, env), append([]string{command, r.location}, args...)...)
}

// run runs a command of millweir for the repository to its end.
func (r *repository) run(t testing.TB, env []string, command string, args ...string) *child {
	t.Helper()
	c := r.start(t, env, command, args...)
	c.wait(t)
	return c
}

// list returns the backups that millweir lists, the oldest first.
func (r *repository) list(t testing.TB) (all []backup.Manifest) {
	t.Helper()
	c := r.run(t, nil, "list", "--json", "--trust", r.signingKey()+".pub")
	c.succeeded(t)
	decoder := json.NewDecoder(&c.stdout)
	for {
		var m backup.Manifest
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
}

// names returns the names of backups.
func names(all []backup.Manifest) (runs []string) {
	for i := range all {
		runs = append(runs, all[i].Run)
	}
	return runs
}

// read fails the test unless millweir finds a backup whole, at the depth read.
func (r *repository) read(t testing.TB, run string) {
	t.Helper()
	c := r.run(t, nil, "verify", run, "--depth", "read", "--no-proof", "--identity", r.identity(),
		"--trust", r.signingKey()+".pub")
	if c.code() != 0 {
		t.Errorf("the backup %s that is listed does not verify: exit code %d\n%s", run, c.code(), c.text())
	}
}

// objects returns the keys of the repository.
func (r *repository) objects(t testing.TB) (keys []string) {
	t.Helper()
	all, err := stream.Run(t.Context(), r.store(t).List(""), sink.Slice[backup.Object]())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range all {
		keys = append(keys, o.Key)
	}
	return keys
}

// orphans returns the objects that no backup needs: data that no list of a backup names, and what
// belongs to no backup. It fails the test if an object that a backup names is missing.
func (r *repository) orphans(t testing.TB) (orphans []string) {
	t.Helper()
	there := map[string]bool{}
	for _, key := range r.objects(t) {
		there[key] = true
	}
	backups, named := map[string]bool{}, map[string]bool{}
	for _, run := range names(r.list(t)) {
		backups[run] = true
		for key := range there {
			if strings.HasPrefix(key, "backups/"+run+"/objects-") {
				r.addNamed(t, key, named)
			}
		}
	}
	for key := range named {
		if !there[key] {
			t.Errorf("the object %s, which a backup names, is missing", key)
		}
	}
	for key := range there {
		folder, name, _ := strings.Cut(key, "/")
		run, _, _ := strings.Cut(name, "/")
		run, _, _ = strings.Cut(run, ".json")
		if folder == "data" && !named[key] || folder == "jobs" || folder == "backups" && !backups[run] {
			orphans = append(orphans, key)
		}
	}
	slices.Sort(orphans)
	return orphans
}

// addNamed adds the keys that a list of objects has.
func (r *repository) addNamed(t testing.TB, list string, named map[string]bool) {
	t.Helper()
	var text bytes.Buffer
	if _, err := stream.Run(t.Context(), r.store(t).Get(list, nil), sink.Writer(&text)); err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(&text)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(unzipped)
	for lines.Scan() {
		var row struct{ Key string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if row.Key != "" {
			named[row.Key] = true
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// publicKey returns the text of the public key that signs.
func (r *repository) publicKey(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(r.signingKey() + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
