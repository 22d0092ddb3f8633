package docs_test

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

const root = "github.com/millweir/millweir"

// called holds the name of each module in the tables.
var called = map[string]string{
	"aead.dev/minisign":                        "aead.dev/minisign",
	"filippo.io/age":                           "filippo.io/age",
	"github.com/aws/aws-sdk-go-v2":             "aws-sdk-go-v2",
	"github.com/aws/aws-sdk-go-v2/service/s3":  "aws-sdk-go-v2",
	"github.com/aws/smithy-go":                 "aws-sdk-go-v2", // a part of it
	"github.com/klauspost/compress":            "klauspost/compress",
	"github.com/minio/crc64nvme":               "minio/crc64nvme",
	"go.mongodb.org/mongo-driver/v2":           "driver",
	"golang.org/x/crypto":                      "x/crypto",
	"go.opentelemetry.io/otel":                 "OpenTelemetry",
	"go.opentelemetry.io/otel/metric":          "OpenTelemetry",
	"go.opentelemetry.io/otel/metric/embedded": "OpenTelemetry",
}

// dependencies returns, for each package, the tables' names of the other modules that it imports,
// directly or through internal packages.
func dependencies(t *testing.T) map[string]map[string]bool {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Module", "./...", "./stream/otelstream")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	type pkg struct {
		ImportPath string
		Imports    []string
		Module     *struct{ Path string }
	}
	byPath := make(map[string]pkg)
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		byPath[p.ImportPath] = p
	}
	all := make(map[string]map[string]bool)
	for path := range byPath {
		if !strings.HasPrefix(path, root+"/") {
			continue
		}
		words := make(map[string]bool)
		for queue := byPath[path].Imports; len(queue) > 0; queue = queue[1:] {
			next := byPath[queue[0]]
			switch {
			case next.Module == nil: // in the standard library
			case strings.HasPrefix(next.ImportPath, root+"/internal/"):
				queue = append(queue[:len(queue):len(queue)], next.Imports...)
			case strings.HasPrefix(next.ImportPath, root+"/"):
			case called[next.Module.Path] == "":
				t.Errorf("%s imports %s, which has no name in the tables", path, next.Module.Path)
			default:
				words[called[next.Module.Path]] = true
			}
		}
		all[strings.TrimPrefix(path, root+"/")] = words
	}
	return all
}

// TestDependencies compares the tables of packages with the imports. A row names exactly the
// modules that its packages import.
func TestDependencies(t *testing.T) {
	imported := dependencies(t)
	for name, column := range map[string]int{"README.md": 3, "docs/design.md": 2} {
		rows := 0
		for _, p := range pages(t) {
			if p.name != name {
				continue
			}
			for line := range strings.Lines(p.text) {
				cells := strings.Split(line, "|")
				if len(cells) < 4 {
					continue
				}
				want := make(map[string]bool)
				known := false
				for _, found := range regexp.MustCompile("`([a-z/0-9]+)`").FindAllStringSubmatch(cells[1], -1) {
					words, ok := imported[found[1]]
					known = known || ok
					for word := range words {
						want[word] = true
					}
				}
				if !known {
					continue
				}
				rows++
				for _, word := range called {
					if says := strings.Contains(cells[column], word); says != want[word] {
						t.Errorf("%s: row%s: names %s: %v, imports it: %v", name, cells[1], word, says, want[word])
					}
				}
			}
		}
		if rows < 7 {
			t.Errorf("%s: found only %d rows: the table has more", name, rows)
		}
	}
}
