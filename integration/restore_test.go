package integration_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/integration/servers"
)

// put stores an object with the SDK alone.
func put(t testing.TB, s *servers.S3, bucket, key string, body []byte) {
	t.Helper()
	if _, err := s.Client(t).PutObject(t.Context(),
		&s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)}); err != nil {
		t.Fatal(err)
	}
}

// gzipped returns text as compressed by the standard library.
func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// onlyCollections fails the test if the database has any collection other than want.
func onlyCollections(t testing.TB, db *mongo.Database, want ...string) {
	t.Helper()
	names, err := db.ListCollectionNames(t.Context(), bson.D{{Key: "name", Value: bson.D{{Key: "$nin", Value: want}}}})
	if err != nil || len(names) > 0 {
		t.Errorf("there are also the collections %q (%v)", names, err)
	}
}

// TestRestoreRefusals makes the mistakes of an operator, and restores incomplete objects. No
// restore may change or create a collection.
func TestRestoreRefusals(t *testing.T) {
	m, s := servers.Shared.SecantusDB(t), servers.Shared.Versitygw(t)
	db := m.Database(t)
	j := newJob(t, m, s, db.Collection("c"))
	docs := plain(t, 12_000, 1000)
	load(t, j.coll, docs)
	before := docs[:3] // no merge has a conflict with them
	load(t, db.Collection("kept"), before)
	run(t, "backup", j.env, j.store()...).succeeded(t)
	good, _ := object(t, s.Client(t), j.bucket, key)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	for name, body := range map[string][]byte{
		"cut": good[:len(good)-1], "half": good[:len(good)/2], "header": good[:100], "nothing": {}, "flipped": flipped,
		"longer": append(bytes.Clone(good), 0), "other": []byte("a letter"),
	} {
		put(t, s, j.bucket, name, body)
	}
	stranger := newKeys(t)
	free, err := servers.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	inserted := regexp.MustCompile(
		`; [1-9]\d* documents (\(and perhaps \d+ more\) )?had been inserted into \S+_restore_`)
	for name, c := range map[string]struct {
		env   []string
		flags []string
		code  int
		words []string
		some  bool // documents are inserted before the program notices
	}{
		"no database server": {
			j.with("MONGODB_URI=mongodb://" + free + "/?serverSelectionTimeoutMS=500"), nil, 1,
			[]string{free, "MongoDB"},
			false,
		},
		"no S3 server": {j.with("AWS_ENDPOINT_URL_S3=http://" + free), nil, 1, []string{free, "S3"}, false},
		"wrong secret": {j.with("AWS_SECRET_ACCESS_KEY=canary-secret"), nil, 1, []string{"credentials"}, false},
		"missing bucket": {
			j.env,
			[]string{"-bucket", "no-such-bucket"},
			1,
			[]string{"no-such-bucket", "-bucket"},
			false,
		},
		"missing object": {j.env, []string{"-key", "none"}, 1, []string{"none", "-key"}, false},
		"wrong identity": {j.env, []string{"-identity", stranger.file}, 1, []string{"-identity"}, false},
		"missing identity": {
			j.env,
			[]string{"-identity", "/no/such/key"},
			1,
			[]string{"-identity", "cannot be opened"},
			false,
		},
		"no identity":       {j.env, []string{"-identity", ""}, 1, []string{"-identity", "encrypted"}, false},
		"cut by a byte":     {j.env, []string{"-key", "cut"}, 1, []string{"damaged or cut short"}, true},
		"half of it":        {j.env, []string{"-key", "half"}, 1, []string{"damaged or cut short"}, true},
		"a flipped bit":     {j.env, []string{"-key", "flipped"}, 1, []string{"damaged or cut short"}, true},
		"a byte more":       {j.env, []string{"-key", "longer"}, 1, []string{"damaged or cut short"}, true},
		"cut in the header": {j.env, []string{"-key", "header"}, 1, []string{"damaged or cut short"}, false},
		"empty object":      {j.env, []string{"-key", "nothing"}, 1, []string{"no backup"}, false},
		"another file":      {j.env, []string{"-key", "other"}, 1, []string{"no backup"}, false},
		"unknown flag":      {j.env, []string{"-force"}, 2, []string{"-force"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, way := range [][]string{
				{"-collection", "new"},
				{"-collection", "kept", "-drop"},
				{"-collection", "kept", "-merge"},
			} {
				r := run(t, "restore", c.env, j.restore("", append(way, c.flags...)...)...)
				r.refused(t, c.code, c.words...)
				if c.some && way[len(way)-1] != "-merge" && !inserted.MatchString(r.last()) {
					t.Errorf("it does not say how much it had inserted: %s", r.last())
				}
			}
		})
	}
	run(t, "restore", j.env, j.restore("kept")...).refused(t, 1, "kept", "-drop", "-merge")
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
	c := start(t, "restore", j.with("AWS_ENDPOINT_URL_S3=http://"+p.Addr()),
		j.restore("kept", append(more, "-drop")...)...)
	select {
	case <-reached:
	case <-c.done:
		t.Fatalf("it has ended before the middle: %s", c.text())
	}
	until(t, "documents are in", func() bool {
		names, err := db.ListCollectionNames(t.Context(),
			bson.D{{Key: "name", Value: bson.D{{Key: "$regex", Value: "^kept_restore_"}}}})
		if err != nil || len(names) != 1 {
			return false
		}
		n, err := db.Collection(names[0]).EstimatedDocumentCount(t.Context())
		return err == nil && n > 1000
	})
	return c, p
}

func TestRestoreStopped(t *testing.T) {
	m := servers.SecantusDB(t)
	db := m.Client(t).Database("db")
	before := plain(t, 3, 10)
	load(t, db.Collection("kept"), before)
	fillLarge(t, db.Collection("c"))
	asBefore := func(t *testing.T) {
		t.Helper()
		sameDocuments(t, stored(t, db.Collection("kept")), before)
		onlyCollections(t, db, "c", "kept")
	}
	backedUp := func(t *testing.T, s *servers.S3) *job {
		t.Helper()
		j := newJob(t, m, s, db.Collection("c"))
		run(t, "backup", j.env, j.store()...).succeeded(t)
		return j
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
			c, _ := stopped(t, backedUp(t, shared), db, shared)
			c.signal(t, sig.signal)
			c.wait(t)
			c.refused(t, sig.code, sig.word, "kept is as it was", "dropped again")
			asBefore(t)
		})
	}
	t.Run("storage killed", func(t *testing.T) {
		s := servers.Versitygw(t)
		c, p := stopped(t, backedUp(t, s), db, s, "-retry", "2s")
		s.Kill(t)
		p.Reset() // the rest of the object may lie in network buffers
		p.Release()
		c.wait(t)
		c.refused(t, 1, "S3", "kept is as it was", "dropped again")
		asBefore(t)
	})
	t.Run("target killed", func(t *testing.T) {
		j := backedUp(t, shared)
		c, p := stopped(t, j, db, shared, "-mongo-retry", "1s")
		m.Kill(t)
		p.Release()
		c.wait(t)
		c.refused(t, 1, "MongoDB", "kept is as it was", "kept_restore_", "could not be dropped: drop it")
		m.Restart(t)
		sameDocuments(t, stored(t, db.Collection("kept")), before)
		left := regexp.MustCompile(`db\.(kept_restore_[0-9a-f]{8})`).FindStringSubmatch(c.last())
		if left == nil {
			t.Fatalf("it does not say what is left: %s", c.last())
		}
		if err := db.Collection(left[1]).Drop(t.Context()); err != nil {
			t.Error(err)
		}
		asBefore(t)
		run(t, "restore", j.env, j.restore("kept", "-drop")...).succeeded(t)
		n, err := db.Collection("kept").EstimatedDocumentCount(t.Context())
		if err != nil || n != 32_000 {
			t.Errorf("%d documents after it was made again (%v)", n, err)
		}
	})
}

// TestRestoreUnparsable restores objects with a malformed line. The error has its number and its
// offset.
func TestRestoreUnparsable(t *testing.T) {
	m, s := servers.Shared.SecantusDB(t), servers.Shared.Versitygw(t)
	db := m.Database(t)
	j := newJob(t, m, s, db.Collection("c"))
	line := `{"_id":{"$numberInt":"%"}}` + "\n"
	text := strings.Replace(line, "%", "1", 1) + strings.Replace(line, "%", "2", 1)
	for bad, words := range map[string][]string{
		`{"_id":{"$numberInt":"3x"}}`: {"line 3", "offset 75", "/_id"},
		`not JSON`:                    {"line 3", "offset 54"},
		`{"_id":3}{"_id":4}`:          {"line 3", "offset 63"},
		``:                            {"line 3", "offset 54"},
		`{"_id":`:                     {"line 3", "offset"},
	} {
		put(t, s, j.bucket, key, gzipped(t, text+bad+"\n"+strings.Replace(line, "%", "5", 1)))
		r := run(t, "restore", j.env, j.restore("new", "-identity", "")...)
		r.refused(t, 1, append(words, "new is as it was")...)
		onlyCollections(t, db)
	}
	put(t, s, j.bucket, key, gzipped(t, text))
	run(t, "restore", j.env, j.restore("new", "-identity", "")...).succeeded(t)
	if got := stored(t, db.Collection("new")); len(got) != 2 {
		t.Errorf("%d documents", len(got))
	}
}

// TestRestoreLongName restores a collection with the longest possible name. The name of the staging
// collection must be cut.
func TestRestoreLongName(t *testing.T) {
	m, s := servers.Shared.SecantusDB(t), servers.Shared.Versitygw(t)
	db := m.Database(t)
	j := newJob(t, m, s, db.Collection("c"))
	want := plain(t, 10, 10)
	load(t, j.coll, want)
	run(t, "backup", j.env, j.store()...).succeeded(t)
	name := strings.Repeat("é", (255-len(db.Name()+"."))/2)
	for _, way := range []string{"-merge=false", "-drop"} { // the collection does not exist at first
		run(t, "restore", j.env, j.restore(name, way)...).succeeded(t)
		sameDocuments(t, stored(t, db.Collection(name)), want)
		onlyCollections(t, db, "c", name)
	}
}
