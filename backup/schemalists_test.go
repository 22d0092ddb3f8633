package backup

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/internal/mongofixture"
	"github.com/millweir/millweir/mongotest"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/stream"
)

// storedDocument is a document of a list of a repository, or a tombstone, with the name of its schema.
type storedDocument struct{ schema, key, json string }

// The documents of all lists, and tombstones, follow the schemas in docs/schema.
func TestSchemasOfLists(t *testing.T) {
	python := pythonWithSchemas(t)
	srv := mongotest.NewServer()
	for _, name := range []string{"orders", "cookies"} {
		srv.Add("shop", name, numbers(t, 5)...)
	}
	store := newMemStore()
	r, err := Init(t.Context(), store, Keys{}, &InitOptions{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	job, err := r.Backup(t.Context(), mongofixture.Connect(t, srv), &Options{Label: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), job, 1); err != nil {
		t.Fatal(err)
	}
	if err := r.bury(t.Context(), newName(time.Now())); err != nil {
		t.Fatal(err)
	}
	all := storedDocuments(t, r, store)
	seen := map[string]bool{}
	for _, d := range all {
		if !seen[d.schema] {
			all = append(all, storedDocument{d.schema, "", `{"a":1}`})
		}
		seen[d.schema] = true
	}
	for n, found := range schemaErrorsOfAll(t, python, all) {
		if d := all[n]; (found == "") != (d.key != "") {
			t.Errorf("%s of %q: %q: %s", d.schema, d.key, found, d.json)
		}
	}
	for _, schema := range []string{
		"tombstone", "end", "catalog-head", "catalog-segment", "objects-row", "receipt", "plan-head", "plan-collection",
		"plan-unit",
	} {
		if !seen[schema] {
			t.Errorf("no %s was stored", schema)
		}
	}
}

// validateAll is a program that checks documents, each by a schema, and prints a line of what is wrong with
// each.
const validateAll = `
import json, sys, jsonschema
for schema, document in json.load(sys.stdin):
    with open(schema) as f:
        v = jsonschema.Draft202012Validator(json.load(f), format_checker=jsonschema.FormatChecker())
    v.check_schema(v.schema)
    print("; ".join(e.json_path + " " + e.message for e in v.iter_errors(json.loads(document))).replace("\\n", " "))
`

// schemaErrorsOfAll returns what is wrong with each of the documents.
func schemaErrorsOfAll(t *testing.T, python string, all []storedDocument) []string {
	t.Helper()
	var pairs [][2]string
	for _, d := range all {
		pairs = append(pairs, [2]string{filepath.Join("..", "docs", "schema", d.schema+".json"), d.json})
	}
	input, err := json.Marshal(pairs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", validateAll)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if err != nil || len(lines) != len(all) {
		t.Fatalf("%d lines for %d documents, %v: %s", len(lines), len(all), err, out)
	}
	return lines
}

// storedDocuments returns the documents of all lists, except for those of users, and the tombstones.
func storedDocuments(t *testing.T, r *Repository, store *memStore) (all []storedDocument) {
	t.Helper()
	for _, key := range store.keys("") {
		if strings.HasPrefix(key, tombstonesPrefix) && path.Ext(key) != signatureSuffix {
			all = append(all, storedDocument{"tombstone", key, string(store.objects[key])})
		}
		if !strings.Contains(key, ".jsonl.gz") {
			continue
		}
		documents := listDocuments(t, r, key)
		end := len(documents) - 1
		all = append(all, storedDocument{"end", key, documents[end]})
		collections := 0
		for n, text := range documents[:end] {
			if n == 0 {
				collections = collectionsOf(text)
			}
			if schema := schemaOf(key, n, collections); schema != "" {
				all = append(all, storedDocument{schema, key, text})
			}
		}
	}
	return all
}

// collectionsOf returns how many rows after this one, the head of a plan, are collections.
func collectionsOf(text string) (n int) {
	var head planHead
	if bson.UnmarshalExtJSON([]byte(text), true, &head) == nil {
		n = int(head.Count)
	}
	return n
}

// schemaOf returns the name of the schema of the n-th document of a list, or "" for documents of users.
func schemaOf(key string, n, collections int) string {
	name := path.Base(key)
	switch {
	case strings.HasPrefix(key, dataPrefix):
		return ""
	case strings.HasPrefix(name, "objects-"):
		return "objects-row"
	case strings.HasPrefix(key, backupsPrefix) && n == 0:
		return "catalog-head"
	case strings.HasPrefix(key, backupsPrefix):
		return "catalog-segment"
	case !strings.HasPrefix(name, "plan"):
		return "receipt"
	case n == 0:
		return "plan-head"
	case n <= collections:
		return "plan-collection"
	}
	return "plan-unit"
}

// listDocuments returns the documents of a list, as canonical Extended JSON.
func listDocuments(t *testing.T, r *Repository, key string) (all []string) {
	t.Helper()
	decoding := encrypted(JSONGzip.format(), nil, nil).Decode()
	docs, err := stream.Run(t.Context(), stream.Via(r.store.Get(key, nil), decoding), sink.Slice[bson.Raw]())
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	for _, doc := range docs {
		text, err := bson.MarshalExtJSON(doc, true, false)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all
}
