package bsoncodec_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/stream"
)

// pyRead reads the BSON file in its first argument and prints each document as canonical Extended
// JSON. pyWrite reads such lines and prints the BSON.
const (
	pyHead = `
import sys, bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.json_util import JSONMode, JSONOptions, dumps, loads
from bson.son import SON
in_order = dict(document_class=SON, uuid_representation=UuidRepresentation.UNSPECIFIED)
json_options = JSONOptions(json_mode=JSONMode.CANONICAL, **in_order)
`
	pyRead = pyHead + `
with open(sys.argv[1], "rb") as f:
    for doc in bson.decode_file_iter(f, CodecOptions(**in_order)):
        print(dumps(doc, json_options=json_options))
`
	pyWrite = pyHead + `
with open(sys.argv[1], "rb") as f:
    for line in f:
        sys.stdout.buffer.write(bson.encode(loads(line.decode(), json_options=json_options), codec_options=CodecOptions(**in_order)))
`
)

// python returns a Python with PyMongo's bson: the one on the PATH, or the system's, for which the
// Debian package is installed.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), name, "-c", pyHead).Run() == nil {
			return name
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("there is no Python with PyMongo's bson: .ci/servers installs python3-pymongo")
	}
	t.Skip("there is no Python with PyMongo's bson: install python3-pymongo")
	return ""
}

// pyLoses holds the values that PyMongo cannot represent, with the reasons.
var pyLoses = map[string]string{
	`{"$numberDouble":"NaN"}`:                           "its NaN has other bits",
	`{"":null,"":null}`:                                 "one of two equal keys is left",
	`{"$undefined":true}`:                               "becomes null",
	`{"$symbol":"sym"}`:                                 "becomes text",
	`{"$dbPointer":{"$ref":"db.c","$id":` + id + `}}`:   "becomes a document",
	`{"$dbPointer":{"$ref":"d\"b\n","$id":` + id + `}}`: "becomes a document",
	`{"$date":{"$numberLong":"253402300800000"}}`:       "beyond the year 9999",
	`{"$date":{"$numberLong":"-9223372036854775808"}}`:  "before the year 1",
	`{"$code":"","$scope":{"$oid":"x"}}`:                "a scope's key is taken for a type wrapper",
}

const id = `{"$oid":"5f0c1d2e3f405162738495a6"}`

// TestPyMongo compares with a second implementation. PyMongo reads our BSON and our JSON, and we
// read its JSON: the documents are always the same.
func TestPyMongo(t *testing.T) {
	py := python(t)
	c := corpus.New(3)
	docs := corpus.Docs(300, c.Mix)
	for _, v := range values {
		if pyLoses[v.canonical] == "" {
			docs = append(docs, one(v.t, v.val))
		}
	}
	run := func(script string, format stream.Flow[bson.Raw, []byte]) []byte {
		t.Helper()
		file, err := collect(t, stream.Via(slice(docs...), format))
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "docs")
		if err := os.WriteFile(name, concat(file), 0o600); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		cmd := exec.CommandContext(t.Context(), py, "-c", script, name)
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, &stderr)
		}
		return out
	}
	for name, src := range map[string]stream.Source[bson.Raw]{
		"our BSON, its JSON": stream.Via(slice(run(pyRead, bsoncodec.BSON(nil))), bsoncodec.ParseExtJSON(nil)),
		"our JSON, its BSON": stream.Via(slice(run(pyWrite, bsoncodec.ExtJSON(nil))), bsoncodec.ParseBSON(nil)),
	} {
		got, err := collect(t, src)
		if err != nil || len(got) != len(docs) {
			t.Fatalf("%s: %d documents of %d, %v", name, len(got), len(docs), err)
		}
		for i, doc := range docs {
			if !bytes.Equal(got[i], doc) {
				t.Errorf("%s: document %d: got\n%v, want\n%v", name, i, got[i], doc)
			}
		}
	}
}
