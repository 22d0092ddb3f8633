package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millweir/millweir/codec"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Every record comes back, including quoted fields and records that span chunks.
func TestRecords(t *testing.T) {
	var in strings.Builder
	w := csv.NewWriter(&in)
	var want []map[string]string
	_ = w.Write([]string{"name", "price", "note"})
	for i := range 10_000 {
		record := []string{fmt.Sprintf("cake %d", i), "1,50 €", "says \"hello\"\non two lines, for <you>"}
		_ = w.Write(record)
		want = append(want, map[string]string{"name": record[0], "price": record[1], "note": record[2]})
	}
	w.Flush()
	output := filepath.Join(t.TempDir(), "cakes.jsonl.zst")
	var out strings.Builder
	if err := run(t.Context(), []string{write(t, in.String()), output}, &out); err != nil {
		t.Fatal(err)
	}
	got := decode(t, output)
	if len(got) != len(want) {
		t.Fatalf("%d objects, want %d", len(got), len(want))
	}
	for i := range want {
		if !maps.Equal(got[i], want[i]) {
			t.Fatalf("object %d is %v, want %v", i, got[i], want[i])
		}
	}
	info, err := os.Stat(output)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%s: %d bytes\n", output, info.Size()); out.String() != want {
		t.Errorf("it says %q, want %q", out.String(), want)
	}
}

// A file with only a header becomes no object.
func TestNoRecord(t *testing.T) {
	output := filepath.Join(t.TempDir(), "cakes.jsonl.zst")
	if err := run(t.Context(), []string{write(t, "name,price\n"), output}, new(strings.Builder)); err != nil {
		t.Fatal(err)
	}
	if got := decode(t, output); len(got) != 0 {
		t.Errorf("%d objects", len(got))
	}
}

// A failed run says why, and leaves the older output.
func TestFailures(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", "not CSV with a header"},
		{"a,b\n1,2\n1,2,3\n", "record 3"},
		{"a,b\n1,\"2\n", "record 2"},
		{"a,a\n1,2\n", "record 1"},
	} {
		folder := t.TempDir()
		output := filepath.Join(folder, "cakes.jsonl.zst")
		if err := os.WriteFile(output, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err := run(t.Context(), []string{write(t, test.in), output}, &out)
		if err == nil || !strings.Contains(err.Error(), test.want) || out.String() != "" {
			t.Errorf("%q: error %v, want %s; it says %q", test.in, err, test.want, out.String())
		}
		if text, err := os.ReadFile(output); string(text) != "old" {
			t.Errorf("%q: the output is %q, %v", test.in, text, err)
		}
		if all, _ := os.ReadDir(folder); len(all) != 1 {
			t.Errorf("%q: %d files are left", test.in, len(all))
		}
	}
}

// write stores text in a new file, and returns its name.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "input.csv")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// decode returns the objects in a file.
func decode(t *testing.T, name string) (all []map[string]string) {
	t.Helper()
	r := stream.Reader(t.Context(), stream.Via(source.File(name, nil), codec.Unzstd(nil)))
	defer r.Close()
	for lines := json.NewDecoder(r); lines.More(); {
		var object map[string]string
		if err := lines.Decode(&object); err != nil {
			t.Fatal(err)
		}
		all = append(all, object)
	}
	return all
}
