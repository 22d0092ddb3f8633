package backup

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// validate is a program that checks a document by a schema, and prints what is wrong.
const validate = `
import json, sys, jsonschema
schema, document = (json.load(open(name)) for name in sys.argv[1:])
jsonschema.Draft202012Validator.check_schema(schema)
for e in jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).iter_errors(document):
    print(e.json_path, e.message)
`

// pythonWithSchemas returns a Python that has the package jsonschema.
func pythonWithSchemas(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "import jsonschema").Run() == nil {
			return name
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("there is no Python with jsonschema: .ci/servers installs python3-jsonschema")
	}
	t.Skip("there is no Python with jsonschema: install python3-jsonschema")
	return ""
}

// What a repository has without encryption follows the schemas in docs/schema, and the schemas require
// every field that is not optional.
func TestSchemas(t *testing.T) {
	python := pythonWithSchemas(t)
	r, store := makeRepository(t)
	run := makeBackup(t, r, time.Now(), manyCollections(t)...)
	v := view(t, r, run)
	passed, err := Run(t.Context(), v.Verify(Read, nil), 2)
	if err != nil {
		t.Fatal(err)
	}
	delete(store.objects, store.keys("data/")[0])
	broken, err := Run(t.Context(), v.Verify(Read, nil), 2)
	if err == nil {
		t.Fatal("nothing is missing")
	}
	for key, schema := range map[string]string{
		repositoryKey: "repository", manifestKey(run): "manifest", passed.Proof: "proof", broken.Proof: "proof",
	} {
		if found := schemaErrors(t, python, schema, store.objects[key]); found != "" {
			t.Errorf("%s: %s", key, found)
		}
		var fields map[string]any
		if err := json.Unmarshal(store.objects[key], &fields); err != nil {
			t.Fatal(err)
		}
		delete(fields, "reader")
		fields["millweir"] = "other"
		edited, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		if found := schemaErrors(t, python, schema, edited); strings.Count(found, "\n") != 2 {
			t.Errorf("%s without a field, of another kind: %q", schema, found)
		}
	}
}

func schemaErrors(t *testing.T, python, schema string, content []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "document.json")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "-c", validate, filepath.Join("..", "docs", "schema", schema+".json"),
		name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}
