package main_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/service/s3"
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

// TestKept stores the indexes of a collection in a second object, which belongs to the first.
func TestKept(t *testing.T) {
	w := exectest.Start(t, "backup")
	w.Fill(t, "cookies", 3)
	exectest.OneLine(t, w.Run(t, nil, "backup", arguments(w)...), 0, "stored 3 documents")
	if got := w.Stored(t); got != "c.jsonl.gz.age" {
		t.Errorf("stored are %s", got)
	}
	unique := mongo.IndexModel{Keys: bson.D{{Key: "batch", Value: 1}}, Options: options.Index().SetUnique(true)}
	if _, err := w.DB.Collection("cookies").Indexes().CreateOne(t.Context(), unique); err != nil {
		t.Fatal(err)
	}
	r := w.Run(t, nil, "backup", arguments(w, "-json-log")...)
	exectest.OneLine(t, r, 0, `"indexes":1,"options":0`)
	if strings.Contains(r.Stderr, "WARN") {
		t.Errorf("a warning: %s", r.Stderr)
	}
	lines := gunzipLines(t, decrypt(t, w, bytes.NewReader(w.Get(t, "c.jsonl.gz.age.metadata"))))
	if len(lines) != 1 {
		t.Fatalf("%d lines", len(lines))
	}
	var kept struct {
		Format     int
		Backup     string
		Collection struct{ Name, Type string }
		Indexes    []struct {
			Name   string
			Unique bool
		}
	}
	if err := bson.UnmarshalExtJSON(lines[0], true, &kept); err != nil {
		t.Fatal(err)
	}
	bucket, key := exectest.Bucket, "c.jsonl.gz.age"
	head, err := w.S3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	if kept.Format != 1 || kept.Backup == "" || kept.Backup != head.Metadata["millweir-backup"] ||
		kept.Collection.Name != "cookies" || kept.Collection.Type != "collection" ||
		len(kept.Indexes) != 2 || kept.Indexes[1].Name != "batch_1" || !kept.Indexes[1].Unique {
		t.Errorf("%s", lines[0])
	}

	// The second object cannot be stored.
	proxy := w.ProxyS3(t, func(rw http.ResponseWriter, r *http.Request, forward *httputil.ReverseProxy) {
		if strings.HasSuffix(r.URL.Path, ".metadata") {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		forward.ServeHTTP(rw, r)
	})
	exectest.OneLine(t, w.Run(t, []string{"AWS_ENDPOINT_URL_S3=" + proxy}, "backup", arguments(w)...), 1,
		"the documents are stored as s3://backups/c.jsonl.gz.age", "without the indexes and options", "run this again")
}
