package integration_test

import (
	"bytes"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
)

// replaceObject replaces an object with the SDK alone.
func replaceObject(t testing.TB, s *servers.S3, bucket, key string, body []byte) {
	t.Helper()
	if _, err := s.Client(t).PutObject(t.Context(),
		&s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)}); err != nil {
		t.Fatal(err)
	}
}

// TestRestoreRefusals makes the mistakes of an operator, and restores damaged objects. No
// restore may change or create a collection.
func TestRestoreRefusals(t *testing.T) {
	m, s := servers.Shared.SecantusDB(t), servers.Shared.Versitygw(t)
	db := m.Database(t)
	j := newJob(t, m, s, db.Collection("c"))
	docs := plain(t, 12_000, 1000)
	load(t, j.coll, docs)
	before := docs[:3] // no merge has a conflict with them
	load(t, db.Collection("kept"), before)
	run(t, "millweir", j.env, j.backup()...).succeeded(t)
	data := "" // the object with the documents
	for _, key := range s.Keys(t, j.bucket) {
		if strings.HasPrefix(key, "tenant/data/") {
			data = key
		}
	}
	good, _ := object(t, s.Client(t), j.bucket, data)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	stranger := newKeys(t)
	free, err := servers.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body  []byte // in place of the data; nil for the right ones
		env   []string
		flags []string
		code  int
		words []string
	}{
		"no database server": {
			nil, j.with("MONGODB_URI=mongodb://" + free + "/?serverSelectionTimeoutMS=500"), nil, 1,
			[]string{free, "MongoDB"},
		},
		"no S3 server":      {nil, j.with("AWS_ENDPOINT_URL_S3=http://" + free), nil, 1, []string{free, "S3"}},
		"wrong secret":      {nil, j.with("AWS_SECRET_ACCESS_KEY=canary-secret"), nil, 1, []string{"credentials"}},
		"wrong identity":    {nil, j.env, []string{"--identity", stranger.identity}, 1, []string{"--identity"}},
		"missing identity":  {nil, j.env, []string{"--identity", "/no/such/key"}, 1, []string{"cannot be opened"}},
		"no identity":       {nil, j.env, []string{"--identity", ""}, 1, []string{"--identity"}},
		"another signer":    {nil, j.env, []string{"--signing-key", stranger.sign}, 1, []string{"--trust"}},
		"cut by a byte":     {good[:len(good)-1], j.env, nil, 1, []string{data}},
		"half of it":        {good[:len(good)/2], j.env, nil, 1, []string{data}},
		"a flipped bit":     {flipped, j.env, nil, 1, []string{"damaged"}},
		"cut in the header": {good[:100], j.env, nil, 1, []string{data}},
		"empty object":      {[]byte{}, j.env, nil, 1, []string{data}},
		"another file":      {[]byte("a letter"), j.env, nil, 1, []string{data}},
		"unknown flag":      {nil, j.env, []string{"--force"}, 2, []string{"--force"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.body != nil {
				replaceObject(t, s, j.bucket, data, c.body)
				defer replaceObject(t, s, j.bucket, data, good)
			}
			for _, way := range [][]string{{"new"}, {"kept", "--replace"}, {"kept", "--merge"}} {
				r := run(t, "millweir", c.env, j.restore(way[0], append(way[1:], c.flags...)...)...)
				r.refused(t, c.code, c.words...)
			}
		})
	}
	run(t, "millweir", j.env, j.restore("kept")...).refused(t, 1, "kept", "--replace", "--merge")
	sameDocuments(t, stored(t, db.Collection("kept")), before)
	onlyCollections(t, db, "c", "kept")
}

// stopped starts a restore of the large collection that replaces another, and returns in the middle
// of it: documents are inserted, and the proxy holds back the rest of the object until it is
// released.
func stopped(t *testing.T, j *job, db *mongo.Database, s *servers.S3, more ...string) (*child, *servers.Proxy) {
	t.Helper()
	p := servers.NewProxy(t, s.Addr())
	reached := p.HoldDown(half)
	c := start(t, "millweir", j.with("AWS_ENDPOINT_URL_S3=http://"+p.Addr()),
		j.restore("kept", append(more, "--replace")...)...)
	select {
	case <-reached:
	case <-c.done:
		t.Fatalf("it has ended before the middle: %s", c.text())
	}
	until(t, "documents are in", func() bool {
		names, err := db.ListCollectionNames(t.Context(),
			bson.D{{Key: "name", Value: bson.D{{Key: "$regex", Value: "^millweir_restore_"}}}})
		if err != nil || len(names) != 1 {
			return false
		}
		n, err := db.Collection(names[0]).EstimatedDocumentCount(t.Context())
		return err == nil && n > 1000
	})
	return c, p
}

// A restore that is stopped, or whose server is killed, changes nothing that can be seen. The next one
// ends well, and leaves nothing else.
func TestRestoreStopped(t *testing.T) {
	m := servers.SecantusDB(t)
	db := m.Client(t).Database("db")
	before := plain(t, 3, 10)
	fillLarge(t, db.Collection("c"))
	backedUp := func(t *testing.T, s *servers.S3) *job {
		t.Helper()
		if err := db.Collection("kept").Drop(t.Context()); err != nil {
			t.Fatal(err)
		}
		load(t, db.Collection("kept"), before)
		j := newJob(t, m, s, db.Collection("c"))
		run(t, "millweir", j.env, j.backup()...).succeeded(t)
		return j
	}
	again := func(t *testing.T, j *job) {
		t.Helper()
		sameDocuments(t, stored(t, db.Collection("kept")), before)
		run(t, "millweir", j.env, j.restore("kept", "--replace")...).succeeded(t)
		n, err := db.Collection("kept").EstimatedDocumentCount(t.Context())
		if err != nil || n != 32_000 {
			t.Errorf("%d documents after it was run again (%v)", n, err)
		}
		onlyCollections(t, db, "c", "kept")
	}
	shared := servers.Shared.Versitygw(t)
	hangup := make(chan os.Signal, 1)
	// Under nohup the program would inherit that SIGHUP is ignored. A signal that this process
	// catches has its default effect in a child.
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for _, sig := range []struct {
		signal syscall.Signal
		code   int
		word   string
	}{{syscall.SIGTERM, 143, "SIGTERM"}, {syscall.SIGINT, 130, "SIGINT"}, {syscall.SIGHUP, 129, "SIGHUP"}} {
		t.Run(sig.word, func(t *testing.T) {
			j := backedUp(t, shared)
			c, _ := stopped(t, j, db, shared)
			c.signal(t, sig.signal)
			c.wait(t)
			c.refused(t, sig.code, sig.word, "what was prepared was removed, and nothing is visible")
			again(t, j)
		})
	}
	t.Run("storage killed", func(t *testing.T) {
		s := servers.Versitygw(t)
		j := backedUp(t, s)
		c, p := stopped(t, j, db, s, "--retry", "2s")
		s.Kill(t)
		p.Reset() // the rest of the object may lie in network buffers
		p.Release()
		c.wait(t)
		c.refused(t, 1, "S3", "run this again to go on")
		s.Restart(t)
		again(t, j)
	})
	t.Run("target killed", func(t *testing.T) {
		j := backedUp(t, shared)
		c, p := stopped(t, j, db, shared)
		m.Kill(t)
		p.Release()
		m.Restart(t)
		c.wait(t)
		c.succeeded(t)
		n, err := db.Collection("kept").EstimatedDocumentCount(t.Context())
		if err != nil || n != 32_000 {
			t.Errorf("%d documents (%v)", n, err)
		}
		onlyCollections(t, db, "c", "kept")
	})
}

// TestRestoreLongName restores a collection with the longest possible name.
func TestRestoreLongName(t *testing.T) {
	m, s := servers.Shared.SecantusDB(t), servers.Shared.Versitygw(t)
	db := m.Database(t)
	j := newJob(t, m, s, db.Collection("c"))
	want := plain(t, 10, 10)
	load(t, j.coll, want)
	run(t, "millweir", j.env, j.backup()...).succeeded(t)
	name := strings.Repeat("é", (255-len(db.Name()+"."))/2)
	for _, way := range []string{"--merge=false", "--replace"} { // the collection does not exist at first
		run(t, "millweir", j.env, j.restore(name, way)...).succeeded(t)
		sameDocuments(t, stored(t, db.Collection(name)), want)
		onlyCollections(t, db, "c", name)
	}
}
