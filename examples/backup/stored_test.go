package main_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/millweir/millweir/examples/internal/exectest"
)

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

			var backup io.Reader = bytes.NewReader(object)
			if !c.plain {
				backup = decrypt(t, w, backup)
			}
			lines := gunzipLines(t, backup)
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

// decrypt reads an age file with age's own reader.
func decrypt(t *testing.T, w *exectest.World, file io.Reader) io.Reader {
	t.Helper()
	id, err := age.ParseX25519Identity(w.Secret(t))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := age.Decrypt(file, id)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// gunzipLines reads the lines of a compressed text with compress/gzip.
func gunzipLines(t *testing.T, r io.Reader) [][]byte {
	t.Helper()
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
		`"level":"WARN","msg":"left out of the backup","kind":"collection",`+
			`"indexes":["batch_1 (unique)"],"options":[],"snapshot":false`)
}
