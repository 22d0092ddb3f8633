package main_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/millweir/millweir/examples/internal/exectest"
)

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
	zipped := exectest.Gzip(lines)

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
		{"no name of a bucket", nil, nil, arguments(w, "-bucket", "My_Bucket"), 1, []string{"-bucket"}},
		{"no name of any bucket", nil, nil, arguments(w, "-bucket", "a/b"), 2, []string{`-bucket "a/b"`}},
		{"no object", nil, nil, arguments(w, "-key", "d"), 1, []string{"s3://backups/d does not exist", "-key"}},
		{
			"wrong key", nil, nil, arguments(w, "-identity", w.Stranger), 1,
			[]string{"no key in the -identity file opens the object"},
		},
		{"no key", nil, nil, plain(), 1, []string{"is encrypted", "-identity"}},
		{"needless key", zipped, nil, arguments(w), 1, []string{"not encrypted"}},
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
			"plain, a newline after the end", append(bytes.Clone(zipped), '\n'), nil, plain(), 1,
			[]string{"after the end: white space", "appended"},
		},
		{"plain, one byte short", zipped[:len(zipped)-1], nil, plain(), 1, []string{"damaged or cut short"}},
		{
			"a line that is no document", exectest.Gzip(lines + "nope\n" + fmt.Sprintf(doc, 3)), nil, plain(), 1,
			[]string{"line 3", "offset 20"},
		},
		{"a line cut", exectest.Gzip(lines + `{"_id":`), nil, plain(), 1, []string{"line 3", "offset"}},
		{"the same _id twice", exectest.Gzip(lines + lines), nil, plain(), 1, []string{"_id"}},
		{
			"no such identity", nil, nil, plain("-identity", "/no/such/key"), 1,
			[]string{"-identity: the file cannot be opened"},
		},
		{
			"text of an identity file", nil, nil, plain("-identity", "# created: now\n"+w.Secret(t)), 2,
			[]string{"name of a file"},
		},
		{
			"escape sequences", exectest.Gzip(lines + `{"_id":3,"\u001b[31m\u0007red":{"$numberInt":"x"}}`), nil,
			plain(), 1,
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
		"needless":    {exectest.Gzip("{}\n"), arguments(w), "not encrypted"},
		"text":        {[]byte("hello\n"), plain(), "no compressed backup"},
		"no document": {exectest.Gzip("hello\n"), plain(), "line 1"},
	} {
		w.Put(t, key, c.object)
		r := w.Run(t, nil, "restore", c.args...)
		exectest.OneLine(t, r, 1, c.says, "; shop.back is as it was\n")
		if strings.Contains(r.Stderr, "_restore_") {
			t.Errorf("%s: a collection was made: %s", name, r.Stderr)
		}
	}
}
