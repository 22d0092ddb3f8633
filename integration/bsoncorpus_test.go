package integration_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec/bsoncodec"
)

// corpusFile is a file of the BSON corpus
// (https://github.com/mongodb/specifications/blob/master/source/bson-corpus/bson-corpus.md).
type corpusFile struct {
	BSONType string `json:"bson_type"`
	Valid    []struct {
		Description       string
		CanonicalBSON     string `json:"canonical_bson"`
		CanonicalExtJSON  string `json:"canonical_extjson"`
		RelaxedExtJSON    string `json:"relaxed_extjson"`
		DegenerateBSON    string `json:"degenerate_bson"`
		DegenerateExtJSON string `json:"degenerate_extjson"`
		Lossy             bool
	}
	DecodeErrors []struct{ Description, BSON string }
	ParseErrors  []struct{ Description, String string }
}

// corpusFiles returns the files of the corpus. They come with version 1 of the driver, which
// FerretDB requires.
func corpusFiles(t *testing.T) map[string]corpusFile {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "go.mongodb.org/mongo-driver").Output()
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "testdata", "bson-corpus", "*.json"))
	if err != nil || len(names) < 20 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	files := map[string]corpusFile{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var f corpusFile
		if err := json.Unmarshal(text, &f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		files[strings.TrimSuffix(filepath.Base(name), ".json")] = f
	}
	return files
}

// sameJSON reports whether two texts have the same values in the same order.
func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	tokens := func(s string) (all []json.Token) {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		for {
			tok, err := d.Token()
			if err != nil {
				return all
			}
			all = append(all, tok)
		}
	}
	return reflect.DeepEqual(tokens(a), tokens(b))
}

// differs maps the cases in which we differ from the corpus to the reason.
var differs = map[string]string{
	"double/NaN": "relaxed text keeps the bits of a NaN too; the driver reads its own NaN, which has " +
		"others, from plain text",
	"double/NaN with payload":                    "the same",
	"top/Bad $date (number, not string or hash)": "the legacy form with milliseconds is read",
}

func TestBSONCorpus(t *testing.T) {
	counts := map[string]int{}
	relaxed := &bsoncodec.ExtJSONOptions{Relaxed: true}
	for name, f := range corpusFiles(t) {
		for _, c := range f.Valid {
			t.Run(name+"/"+c.Description, func(t *testing.T) {
				counts["valid"]++
				doc := unhex(t, c.CanonicalBSON)
				text, err := bsoncodec.AppendExtJSON(nil, doc, nil)
				if err != nil {
					t.Fatal(err)
				}
				if back, err := bsoncodec.AppendBSON(nil, text, nil); err != nil || !bytes.Equal(back, doc) {
					t.Errorf("%s came back as %x, %v, want %x", text, back, err, doc)
				}
				if escaped := bytes.Contains(text, []byte("$millweirBSON")); !escaped &&
					!sameJSON(t, string(text), c.CanonicalExtJSON) {
					t.Errorf("canonical: got %s, want %s", text, c.CanonicalExtJSON)
				} else if escaped && !c.Lossy {
					t.Errorf("escaped: %s, want %s", text, c.CanonicalExtJSON)
				}
				if got, err := bsoncodec.AppendBSON(nil, []byte(c.CanonicalExtJSON), nil); err != nil || !c.Lossy &&
					!bytes.Equal(got, doc) {
					t.Errorf("canonical text: read as %x, %v, want %x", got, err, doc)
				}
				if s := c.DegenerateExtJSON; s != "" {
					counts["degenerate text"]++
					if got, err := bsoncodec.AppendBSON(nil, []byte(s), nil); err != nil || !c.Lossy &&
						!bytes.Equal(got, doc) {
						t.Errorf("degenerate text %s: read as %x, %v, want %x", s, got, err, doc)
					}
				}
				if s := c.RelaxedExtJSON; s != "" && differs[name+"/"+c.Description] == "" {
					counts["relaxed"]++
					got, err := bsoncodec.AppendExtJSON(nil, doc, relaxed)
					if err != nil || !sameJSON(t, string(got), s) {
						t.Errorf("relaxed: got %s, %v, want %s", got, err, s)
					}
					back, err := bsoncodec.AppendBSON(nil, []byte(s), nil)
					if err != nil {
						t.Fatalf("relaxed: %v", err)
					}
					if again, err := bsoncodec.AppendExtJSON(nil, back, relaxed); err != nil ||
						!sameJSON(t, string(again), s) {
						t.Errorf("relaxed, again: got %s, %v, want %s", again, err, s)
					}
				}
				if s := c.DegenerateBSON; s != "" {
					counts["degenerate BSON"]++
					odd := unhex(t, s)
					text, err := bsoncodec.AppendExtJSON(nil, odd, nil)
					if err != nil {
						t.Fatalf("degenerate BSON: %v", err)
					}
					if back, err := bsoncodec.AppendBSON(nil, text, nil); err != nil || !bytes.Equal(back, odd) {
						t.Errorf("degenerate BSON: %s came back as %x, %v, want %x", text, back, err, odd)
					}
				}
			})
		}
		for _, c := range f.DecodeErrors {
			t.Run(name+"/"+c.Description, func(t *testing.T) {
				counts["decode error"]++
				doc := unhex(t, c.BSON)
				if err := bsoncodec.Validate(doc, &bsoncodec.ValidateOptions{Strict: true}); err == nil {
					t.Error("strict: passed")
				}
				// Without Strict the codec accepts what a server may have stored, and must return
				// it unchanged.
				text, err := bsoncodec.AppendExtJSON(nil, doc, nil)
				if (err == nil) != (bsoncodec.Validate(doc, nil) == nil) {
					t.Errorf("the writer says %v", err)
				}
				if err != nil {
					return
				}
				counts["kept as it is"]++
				if back, err := bsoncodec.AppendBSON(nil, text, nil); err != nil || !bytes.Equal(back, doc) {
					t.Errorf("%s came back as %x, %v, want %x", text, back, err, doc)
				}
				if _, err := bsoncodec.AppendExtJSON(nil, doc,
					&bsoncodec.ExtJSONOptions{Strict: true}); !errors.Is(err, bsoncodec.ErrInexact) {
					t.Errorf("strict writer: %v", err)
				}
			})
		}
		for _, c := range f.ParseErrors {
			t.Run(name+"/"+c.Description, func(t *testing.T) {
				counts["parse error"]++
				text := c.String
				if f.BSONType == "0x13" {
					text = `{"d":{"$numberDecimal":` + quote(t, text) + `}}`
				}
				if got, err := bsoncodec.AppendBSON(nil, []byte(text),
					nil); (err == nil) != (differs[name+"/"+c.Description] != "") {
					t.Errorf("%s was read as %x, %v", text, got, err)
				}
			})
		}
	}
	t.Logf("cases: %v", counts)
	if counts["valid"] < 300 || counts["decode error"] < 50 || counts["parse error"] < 50 {
		t.Error("that is not all of the corpus")
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	p, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func quote(t *testing.T, s string) string {
	t.Helper()
	p, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}
