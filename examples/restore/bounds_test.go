package main_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/examples/internal/exectest"
)

// TestBounds restores objects that exceed the limits. Every way to restore must reject them and
// leave nothing.
func TestBounds(t *testing.T) {
	w := exectest.Start(t, "backup", "restore")
	before := w.Fill(t, "filled", 3)
	w.Fill(t, "cookies", 20)
	if err := w.DB.CreateCollection(t.Context(), "empty"); err != nil {
		t.Fatal(err)
	}
	small := exectest.Gzip(strings.Repeat(`{"_id":{"$oid":"000000000000000000000000"}}`+"\n", 20))
	bomb := exectest.Gzip(strings.Repeat("{}\n", 1<<20+1))
	large := exectest.Gzip(strings.Repeat(`{"a":"`+strings.Repeat("a", 1<<20)+`"}`+"\n", 257))
	collections := w.Collections(t)
	for _, c := range []struct {
		name   string
		object []byte
		args   []string
		says   string
	}{
		{
			"documents", small,
			[]string{"-max-documents", "19"},
			"more than 19 documents, which is much for it: if you trust who wrote it, raise -max-documents",
		},
		{
			"bytes", small,
			[]string{"-max-size", "439"},
			"more than 439 B of BSON, which is much for it: if you trust who wrote it, raise -max-size",
		},
		{"documents, by default", bomb, nil, "more than 1,048,576 documents"},
		{"bytes, by default", large, nil, "more than 256 MiB of BSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.Put(t, key, c.object)
			for _, way := range [][]string{{}, {"-drop", "-collection", "filled"}, {"-collection", "empty"}} {
				// Into an existing collection the first pass inserts nothing, which makes it fast.
				if c.args == nil && len(way) != 2 {
					continue
				}
				exectest.OneLine(t, w.Run(t, nil, "restore", plain(append(way, c.args...)...)...), 1, c.says)
			}
			same(t, w.Documents(t, "filled"), before)
			same(t, w.Documents(t, "empty"), nil)
			if got := w.Collections(t); got != collections {
				t.Errorf("the collections are %s, want %s", got, collections)
			}
		})
	}

	backup(t, w, "cookies", "-recipient", w.Recipient)
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-max-documents", "20")...), 0, "restored 20 documents")
	exectest.OneLine(t, w.Run(t, nil, "restore", arguments(w, "-drop", "-max-documents", "19")...), 1,
		"states about 20 documents of", "raise -max-documents", "shop.back is as it was")

	// The object of another backup with the metadata of this one.
	bucket, name := exectest.Bucket, key
	head, err := w.S3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &name})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.S3.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &bucket, Key: &name, Metadata: head.Metadata,
		Body: bytes.NewReader(exectest.Gzip(`{"_id":"1"}` + "\n")),
	})
	if err != nil {
		t.Fatal(err)
	}
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-drop")...), 0, "restore: warning: ",
		"has 1 document, and states about 20 documents", "\nrestore: restored 1 document")
}

// TestServersOwn restores into collections that belong to the server.
func TestServersOwn(t *testing.T) {
	w := exectest.Start(t, "restore")
	for _, target := range [][]string{
		{"-db", "local"},
		{"-db", "admin"},
		{"-db", "config"},
		{"-collection", "system.users"},
		{"-db", "local", "-collection", "oplog.rs"},
	} {
		exectest.OneLine(t, w.Run(t, nil, "restore", plain(target...)...), 2, "belongs to the server")
	}
}

// TestAllowed inserts documents that the server changes, with the flag that allows it.
func TestAllowed(t *testing.T) {
	w := exectest.Start(t, "restore")
	w.Put(t, key, exectest.Gzip(`{"a":"b","_id":{"$numberInt":"2"}}`+"\n"))
	exectest.OneLine(t, w.Run(t, nil, "restore", plain()...), 1, "_id is not the first field", "-move-id",
		"shop.back is as it was")
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-move-id")...), 0, "restored 1 document")
	w.Put(t, key, exectest.Gzip(`{"_id":{"$numberInt":"2"},"t":{"$timestamp":{"t":0,"i":0}}}`+"\n"))
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-collection", "new")...), 1, "Timestamp(0, 0)",
		"-allow-empty-timestamps", "shop.new is as it was")
	exectest.OneLine(t, w.Run(t, nil, "restore", plain("-collection", "new", "-allow-empty-timestamps")...), 0,
		"restored 1 document")
}
