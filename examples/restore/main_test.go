package main_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/millweir/millweir/examples/internal/exectest"
)

const (
	key      = "c.jsonl.gz.age"
	password = "canary-pa55word"
)

// arguments returns a valid command line, followed by more, which may override its flags.
func arguments(w *exectest.World, more ...string) []string {
	return append(plain(), append([]string{"-identity", w.Identity}, more...)...)
}

// plain returns arguments without the identity.
func plain(more ...string) []string {
	return append([]string{"-db", "shop", "-collection", "back", "-bucket", exectest.Bucket, "-key", key}, more...)
}

// backup stores a collection under key.
func backup(t *testing.T, w *exectest.World, coll string, more ...string) {
	t.Helper()
	r := w.Run(t, nil, "backup", append([]string{
		"-db", "shop", "-collection", coll,
		"-bucket", exectest.Bucket, "-key", key,
	}, more...)...)
	if r.Code != 0 {
		t.Fatal(r.Stderr)
	}
}

func same(t *testing.T, got, want []bson.Raw) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a, b bson.Raw) bool { return bytes.Equal(a, b) }) {
		t.Errorf("the collection has %d documents which are not the %d expected", len(got), len(want))
	}
}

func zip(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text)) // a buffer never fails
	_ = z.Close()
	return b.Bytes()
}

// TestRefused runs restores that must fail, into a missing collection and into one that has
// documents. Both must be unchanged.
func TestRefused(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	w.Hide(password)
	w.Fill(t, "cookies", 3000)
	before := w.Fill(t, "other", 3)
	backup(t, w, "cookies", "-recipient", w.Recipient)
	good := w.Get(t, key)
	collections := w.Collections(t)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	doc := `{"_id":%d}` + "\n"
	lines := fmt.Sprintf(doc+doc, 1, 2)

	env := func(s ...string) []string { return s }
	for _, c := range []struct {
		name   string
		object []byte // nil: the valid backup
		env    []string
		args   []string
		code   int
		says   []string
	}{
		{
			"no database server", nil, env("MONGODB_URI=mongodb://u:" + password +
				"@127.0.0.1:1/?serverSelectionTimeoutMS=300"), arguments(w), 1,
			[]string{"no MongoDB server answers at 127.0.0.1:1"},
		},
		{
			"no replies from the database", nil, env("MONGODB_URI=" + w.URI + "?w=0"), arguments(w), 2,
			[]string{"w=0", "leave"},
		},
		{
			"no S3 server", nil, env("AWS_ENDPOINT_URL_S3=http://127.0.0.1:1"), arguments(w), 1,
			[]string{"no S3 server answers"},
		},
		{
			"wrong secret", nil, env("AWS_SECRET_ACCESS_KEY=" + password), arguments(w), 1,
			[]string{"refuses the AWS credentials"},
		},
		{"no bucket", nil, nil, arguments(w, "-bucket", "bakcups"), 1, []string{"bucket bakcups does not exist"}},
		{"no object", nil, nil, arguments(w, "-key", "d"), 1, []string{"s3://backups/d does not exist", "-key"}},
		{
			"wrong key", nil, nil, arguments(w, "-identity", w.Stranger), 1,
			[]string{"no key in the -identity file opens the object"},
		},
		{"no key", nil, nil, plain(), 1, []string{"is encrypted", "-identity"}},
		{"needless key", zip(lines), nil, arguments(w), 1, []string{"not encrypted"}},
		{"no backup", []byte("hello"), nil, plain(), 1, []string{"no compressed backup"}},
		{"no backup, key", []byte("hello"), nil, arguments(w), 1, []string{"is text", "no backup"}},
		{"no backup, JSON", []byte("{}\n"), nil, plain(), 1, []string{"is JSON"}},
		{"a page, key", []byte("<html>503"), nil, arguments(w), 1, []string{"an HTML page", "no backup"}},
		{"no bytes", []byte{}, nil, plain(), 1, []string{"is empty"}},
		{"no bytes, key", []byte{}, nil, arguments(w), 1, []string{"is empty"}},
		{"one byte short", good[:len(good)-1], nil, arguments(w), 1, []string{"damaged or cut short"}},
		{"half", good[:len(good)/2], nil, arguments(w), 1, []string{"damaged or cut short"}},
		{"header cut", good[:40], nil, arguments(w), 1, []string{"damaged or cut short"}},
		{"a bit flipped", flipped, nil, arguments(w), 1, []string{"damaged or cut short"}},
		{"bytes after the end", append(bytes.Clone(good), 'x'), nil, arguments(w), 1, []string{"damaged"}},
		{
			"plain, a newline after the end", append(zip(lines), '\n'), nil, plain(), 1,
			[]string{"after the end: white space", "appended"},
		},
		{"plain, one byte short", zip(lines)[:len(zip(lines))-1], nil, plain(), 1, []string{"damaged or cut short"}},
		{
			"a line that is no document", zip(lines + "nope\n" + fmt.Sprintf(doc, 3)), nil, plain(), 1,
			[]string{"line 3", "offset 20"},
		},
		{"a line cut", zip(lines + `{"_id":`), nil, plain(), 1, []string{"line 3", "offset"}},
		{"the same _id twice", zip(lines + lines), nil, plain(), 1, []string{"_id"}},
		{"no such identity", nil, nil, plain("-identity", "/no/such/key"), 1, []string{"/no/such/key"}},
		{
			"text of an identity file", nil, nil, plain("-identity", "# created: now\n"+w.Secret(t)), 2,
			[]string{"name of a file"},
		},
		{
			"escape sequences", zip(lines + `{"_id":3,"\u001b[31m\u0007red":{"$numberInt":"x"}}`), nil, plain(), 1,
			[]string{"line 3", `\x1b[31m\ared`},
		},
		{"secret key for a file", nil, nil, plain("-identity", w.Secret(t)), 2, []string{"name of a file"}},
		{"drop and merge", nil, nil, arguments(w, "-drop", "-merge"), 2, []string{"-drop and -merge"}},
		{"batch", nil, nil, arguments(w, "-batch", "0"), 2, []string{"-batch 0"}},
		{"batch too large", nil, nil, arguments(w, "-batch", "100001"), 2, []string{"-batch 100001"}},
		{"parallelism", nil, nil, arguments(w, "-parallelism", "-1"), 2, []string{"-parallelism -1"}},
		{"unknown flag", nil, nil, arguments(w, "-force"), 2, []string{"-force", "restore -h"}},
		{"missing flags", nil, nil, []string{"-db", "shop"}, 2, []string{"missing -collection, -bucket, -key"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.Put(t, key, good)
			if c.object != nil {
				w.Put(t, key, c.object)
			}
			r := w.Run(t, c.env, "restore", c.args...)
			exectest.OneLine(t, r, c.code, append(c.says, "restore: ")...)
			if strings.Contains(r.Stderr, "inserted") {
				exectest.OneLine(t, r, c.code, "shop.back is as it was", "dropped again")
			}
			for _, way := range []string{"-drop", "-merge"} {
				if c.code != 2 {
					exectest.OneLine(t, w.Run(t, c.env, "restore", append(c.args, way, "-collection", "other")...),
						c.code, c.says...)
				}
			}
			same(t, w.Documents(t, "other"), before)
			if got := w.Collections(t); got != collections {
				t.Errorf("the collections are %s, want %s", got, collections)
			}
		})
	}
	w.Put(t, key, good)
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-collection", "other")...), 1,
		"shop.other has documents", "-drop", "-merge")
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-collection", "a$b")...), 2, "shop.a$b",
		"correct -db or -collection")
	same(t, w.Documents(t, "other"), before)
}

// TestNothingMade restores objects whose first bytes show that they are not valid. The program must
// not create a collection.
func TestNothingMade(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	w.Fill(t, "cookies", 5)
	backup(t, w, "cookies", "-recipient", w.Recipient)
	good := w.Get(t, key)
	for name, c := range map[string]struct {
		object []byte
		args   []string
		says   string
	}{
		"wrong key":   {good, arguments(w, "-identity", w.Stranger), "no key in the -identity file opens the object"},
		"no key":      {good, plain(), "is encrypted"},
		"needless":    {zip("{}\n"), arguments(w), "not encrypted"},
		"text":        {[]byte("hello\n"), plain(), "no compressed backup"},
		"no document": {zip("hello\n"), plain(), "line 1"},
	} {
		w.Put(t, key, c.object)
		r := w.Run(t, nil, "restore", c.args...)
		exectest.OneLine(t, r, 1, c.says, "; shop.back is as it was\n")
		if strings.Contains(r.Stderr, "_restore_") {
			t.Errorf("%s: a collection was made: %s", name, r.Stderr)
		}
	}
}

// TestHelp checks the output of -h and -version.
func TestHelp(t *testing.T) {
	w := exectest.Start(t, "restore")
	r := w.Run(t, nil, "restore", "-h")
	for _, want := range []string{
		"usage: restore -db NAME", "export MONGODB_URI='mongodb://user:password@", "The object:\n", "indexes",
		"validator", "not a snapshot", "\n  3 ",
	} {
		if !strings.Contains(r.Stdout, want) || r.Code != 0 || r.Stderr != "" {
			t.Errorf("-h lacks %q (exit code %d): %s%s", want, r.Code, r.Stdout, r.Stderr)
		}
	}
	if r = w.Run(t, nil, "restore", "-version"); !strings.HasPrefix(r.Stdout, "restore ") || r.Code != 0 {
		t.Errorf("-version: exit code %d, %s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// TestLost checks the warning that names the indexes of the replaced collection.
func TestLost(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	w.Fill(t, "cookies", 5)
	backup(t, w, "cookies", "-recipient", w.Recipient)
	w.Fill(t, "back", 2)
	if _, err := w.DB.Collection("back").Indexes().CreateOne(t.Context(),
		mongo.IndexModel{Keys: bson.D{{Key: "batch", Value: 1}}}); err != nil {
		t.Fatal(err)
	}
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-drop")...), 0, "restore: warning: ",
		"old shop.back was replaced", "batch_1", "\nrestore: restored 5 documents")
	w.Put(t, key, zip(`{"_id":1}`+"\n")) // stored by another program, which does not say what it left out
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-collection", "new")...), 0, "restore: warning: ",
		"if there were any", "validator")
}

func TestRestored(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	docs := w.Fill(t, "cookies", 1500)
	coll := w.DB.Collection("back")
	create := func(t *testing.T, docs ...bson.Raw) {
		t.Helper()
		if err := w.DB.CreateCollection(t.Context(), "back"); err != nil {
			t.Fatal(err)
		}
		if _, err := coll.Indexes().CreateOne(t.Context(),
			mongo.IndexModel{Keys: bson.D{{Key: "batch", Value: 1}}}); err != nil {
			t.Fatal(err)
		}
		if len(docs) > 0 {
			if _, err := coll.InsertMany(t.Context(), docs); err != nil {
				t.Fatal(err)
			}
		}
	}
	stranger, err := bson.Marshal(bson.D{{Key: "_id", Value: "stranger"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		before  []bson.Raw // nil: no such collection
		args    []string
		want    []bson.Raw
		indexes int
		equal   int
	}{
		{"missing", nil, nil, docs, 1, 0},
		{"missing, other settings", nil, []string{"-batch", "7", "-parallelism", "1"}, docs, 1, 0},
		{"missing, drop", nil, []string{"-drop"}, docs, 1, 0},
		{"missing, merge", nil, []string{"-merge"}, docs, 1, 0},
		{"empty", []bson.Raw{}, nil, docs, 2, 0},
		{"empty, drop", []bson.Raw{}, []string{"-drop"}, docs, 2, 0},
		{"drop", []bson.Raw{stranger}, []string{"-drop"}, docs, 1, 0},
		{"merge", []bson.Raw{stranger}, []string{"-merge"}, append(slices.Clone(docs), stranger), 2, 0},
		{"merge with some", docs[100:900], []string{"-merge"}, docs, 2, 800},
		{"merge with all", docs, []string{"-merge"}, docs, 2, 1500},
		{"merge with the first", docs[:1], []string{"-merge"}, docs, 2, 1},
		{"merge with all but the last", docs[:1499], []string{"-merge"}, docs, 2, 1499},
	} {
		t.Run(c.name, func(t *testing.T) {
			backup(t, w, "cookies", "-recipient", w.Recipient)
			if c.before != nil {
				create(t, c.before...)
			}
			t.Cleanup(func() { _ = coll.Drop(t.Context()) })
			r := w.Run(t, nil, "restore", append(arguments(w, "-json-log"), c.args...)...)
			exectest.OneLine(t, r, 0)
			same(t, w.Documents(t, "back"), c.want)
			var log struct {
				Msg         string  `json:"msg"`
				Documents   int     `json:"documents"`
				Bytes       int64   `json:"bytes"`
				StoredBytes int     `json:"stored_bytes"`
				Equal       int     `json:"equal"`
				Elapsed     float64 `json:"elapsed"`
			}
			if err := json.Unmarshal([]byte(r.Outcome()), &log); err != nil {
				t.Fatal(err)
			}
			if log.Msg != "restore done" || log.Documents != 1500-c.equal || log.Equal != c.equal ||
				log.StoredBytes != len(w.Get(t, key)) || log.Elapsed <= 0 {
				t.Errorf("logged as %s", r.Stderr)
			}
			indexes, err := coll.Indexes().ListSpecifications(t.Context())
			if err != nil || len(indexes) != c.indexes {
				t.Errorf("%d indexes, want %d (%v)", len(indexes), c.indexes, err)
			}
			if got := w.Collections(t); strings.Contains(got, "restore") {
				t.Errorf("the collections are %s", got)
			}
			_ = coll.Drop(t.Context())
		})
	}
}

func TestPlainAndEmpty(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	docs := w.Fill(t, "cookies", 20)
	backup(t, w, "cookies", "-no-encryption")
	exectest.OneLine(t, w.Run(t, nil, "restore", plain()...), 0, "restored ")
	same(t, w.Documents(t, "back"), docs)

	// Zeros after the end, which tapes add.
	w.Put(t, key, append(w.Get(t, key), make([]byte, 10_240)...))
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-drop")...), 0, "restored ")
	same(t, w.Documents(t, "back"), docs)

	backup(t, w, "nothing", "-no-encryption", "-allow-empty")
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-drop")...), 1, "has no document", "-allow-empty",
		"shop.back is as it was")
	same(t, w.Documents(t, "back"), docs)
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-collection", "new")...), 0, "restored 0 documents")
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-drop", "-allow-empty")...), 0, "restored 0 documents")
	same(t, w.Documents(t, "back"), nil)
	if got := w.Collections(t); !strings.Contains(got, "new") || !strings.Contains(got, "back") ||
		strings.Contains(got, "restore") {
		t.Errorf("the collections are %s", got)
	}
}

func TestMergeConflict(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	docs := w.Fill(t, "cookies", 1200)
	nested := bson.D{{Key: "_id", Value: bson.D{{Key: "shop", Value: 7}}}, {Key: "yours", Value: true}}
	if _, err := w.DB.Collection("cookies").InsertOne(t.Context(), nested); err != nil {
		t.Fatal(err)
	}
	backup(t, w, "cookies", "-recipient", w.Recipient)
	if _, err := w.DB.Collection("back").InsertOne(t.Context(),
		bson.D{{Key: "_id", Value: "cookie-001111"}, {Key: "mine", Value: true}}); err != nil {
		t.Fatal(err)
	}
	before := w.Documents(t, "back")
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-merge")...), 1, "another document", "cookie-001111",
		"nothing was inserted into shop.back")
	same(t, w.Documents(t, "back"), before)

	if err := w.DB.Collection("back").Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	mine := bson.D{nested[0], {Key: "mine", Value: true}}
	if _, err := w.DB.Collection("back").InsertOne(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	before = w.Documents(t, "back")
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-merge")...), 1, "another document", `"shop"`,
		"nothing was inserted into shop.back")
	same(t, w.Documents(t, "back"), before)
	if len(docs) != 1200 {
		t.Error("the source changed")
	}
}

// TestMergeUnclear restores documents that -merge cannot recognize in the collection, or that
// cannot both be in one. Each way to restore must reject them before it inserts anything.
func TestMergeUnclear(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	before := w.Fill(t, "filled", 3)
	if err := w.DB.CreateCollection(t.Context(), "empty"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.DB.Collection("second").InsertOne(t.Context(),
		bson.D{{Key: "_id", Value: "b"}, {Key: "a", Value: "2"}}); err != nil {
		t.Fatal(err)
	}
	second := w.Documents(t, "second")
	collections := w.Collections(t)
	for _, c := range []struct {
		name, object string
		says         []string
	}{
		{
			"no _id", `{"a":"1"}` + "\n" + `{"a":"2"}` + "\n",
			[]string{"document 1 ", "no _id", "restore without -merge"},
		},
		{
			"one without", `{"_id":"b"}` + "\n" + `{"a":"2"}` + "\n" + `{"_id":"c"}` + "\n",
			[]string{"document 2 ", "no _id", "restore without -merge"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.Put(t, key, zip(c.object))
			exectest.OneLine(t, w.Run(t, nil, "restore", plain("-merge")...), 1,
				append(c.says, "shop.back is as it was")...)
			for _, coll := range []string{"filled", "empty"} {
				r := w.Run(t, nil, "restore", plain("-merge", "-collection", coll)...)
				exectest.OneLine(t, r, 1, append(c.says, "nothing was inserted into shop."+coll)...)
			}
			same(t, w.Documents(t, "filled"), before)
			same(t, w.Documents(t, "empty"), nil)
			if got := w.Collections(t); got != collections {
				t.Errorf("the collections are %s, want %s", got, collections)
			}
		})
	}
	// A query would not treat these _ids as values, so the program must not look them up.
	for _, c := range []struct {
		name, object string
		says         []string
	}{
		{
			"a pattern", `{"_id":{"$regularExpression":{"pattern":"^","options":""}}}` + "\n",
			[]string{"document 1 ", "regex", "restore into a collection that does not exist"},
		},
		{
			"an array", `{"_id":["b"]}` + "\n",
			[]string{"document 1 ", "array", "restore into a collection that does not exist"},
		},
		{
			"undefined", `{"_id":"b"}` + "\n" + `{"_id":{"$undefined":true}}` + "\n",
			[]string{"document 2 ", "undefined", "restore into a collection that does not exist"},
		},
		{
			"an operator", `{"_id":{"$gt":""}}` + "\n",
			[]string{"document 1 ", "embedded document", "restore into a collection that does not exist"},
		},
	} {
		w.Put(t, key, zip(c.object))
		for _, way := range [][]string{
			{"-collection", "filled", "-merge"},
			{"-collection", "empty", "-merge"},
			{"-collection", "empty"},
		} {
			exectest.OneLine(t, w.Run(t, nil, "restore", plain(way...)...), 1,
				append(c.says, "nothing was inserted into shop."+way[1])...)
		}
	}
	same(t, w.Documents(t, "filled"), before)
	same(t, w.Documents(t, "empty"), nil)
	// The collection "second" has the last of two documents with one _id. The program must not skip
	// the first as equal to it.
	w.Put(t, key, zip(`{"_id":"b","a":"1"}`+"\n"+`{"_id":"b","a":"2"}`+"\n"))
	for _, way := range [][]string{
		{"-collection", "filled", "-merge"},
		{"-collection", "second", "-merge"},
		{"-collection", "empty"},
	} {
		exectest.OneLine(t, w.Run(t, nil, "restore", plain(way...)...), 1, "two documents with _id",
			"nothing was inserted into shop."+way[1])
	}
	same(t, w.Documents(t, "filled"), before)
	same(t, w.Documents(t, "second"), second)

	w.Put(t, key, zip(`{"a":"1"}`+"\n"+`{"a":"2"}`+"\n")) // without -merge an _id is not required
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-collection", "empty")...), 0, "restored 2 documents")
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-collection", "filled", "-drop")...), 0, "restored 2 documents")
}

// TestCutLate restores an object that is cut after most of its documents.
func TestCutLate(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	noise := rand.NewChaCha8([32]byte{})
	for range 300 {
		photo := make([]byte, 32<<10)
		_, _ = noise.Read(photo) // never fails
		if _, err := w.DB.Collection("cookies").InsertOne(t.Context(),
			bson.D{{Key: "photo", Value: photo}}); err != nil {
			t.Fatal(err)
		}
	}
	backup(t, w, "cookies", "-recipient", w.Recipient)
	before := w.Fill(t, "back", 2)
	collections := w.Collections(t)
	object := w.Get(t, key)
	w.Put(t, key, object[:len(object)-1])
	r := w.Run(t, nil, "restore", arguments(w, "-drop", "-batch", "10")...)
	exectest.OneLine(t, r, 1, "damaged or cut short", "shop.back is as it was", "dropped again")
	if !regexp.MustCompile(
		`; [1-9]\d+ documents (\(and perhaps \d+ more\) )?had been inserted into shop\.back_restore_`,
	).MatchString(r.Stderr) {
		t.Error("it does not say how many documents it had inserted")
	}
	same(t, w.Documents(t, "back"), before)
	if got := w.Collections(t); got != collections {
		t.Errorf("the collections are %s, want %s", got, collections)
	}
}

// TestStopped stops a restore in the middle of the object.
func TestStopped(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	w.Fill(t, "cookies", 3000)
	backup(t, w, "cookies", "-recipient", w.Recipient)
	before := w.Fill(t, "back", 2)
	collections := w.Collections(t)
	target, err := url.Parse(*w.S3.Options().BaseEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	stuck, over := make(chan struct{}, 10), make(chan struct{})
	forward := httputil.NewSingleHostReverseProxy(target)
	half := w.Get(t, key)
	half = half[:len(half)/2]
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			forward.ServeHTTP(rw, r)
			return
		}
		rw.Header().Set("ETag", `"x"`)
		rw.Header().Set("Content-Length", fmt.Sprint(2*len(half)))
		_, _ = rw.Write(half)
		rw.(http.Flusher).Flush()
		stuck <- struct{}{}
		<-over
	}))
	defer proxy.Close()
	defer close(over)

	cmd := w.Command([]string{"AWS_ENDPOINT_URL_S3=" + proxy.URL}, "restore", arguments(w, "-drop")...)
	r := w.Wait(t, cmd, func(p *os.Process) {
		<-stuck
		_ = p.Signal(syscall.SIGTERM)
	})
	exectest.OneLine(t, r, 143, "stopped by SIGTERM", "shop.back is as it was")
	same(t, w.Documents(t, "back"), before)
	if got := w.Collections(t); got != collections {
		t.Errorf("the collections are %s, want %s", got, collections)
	}
}
