package bsoncodec_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/millweir/millweir/codec/bsoncodec"
)

// TestBsondumpReadsBSON: bsondump reads our BSON, and prints each document as ExtJSON does in
// canonical mode.
func TestBsondumpReadsBSON(t *testing.T) {
	bsondump, err := exec.LookPath("bsondump")
	if err != nil {
		// The test is also skipped on CI: Debian and the Go module proxy do not have bsondump.
		// TestPyMongo runs there.
		t.Skip("bsondump is not on the PATH: it is one of MongoDB's database tools")
	}
	docs, file := dump(t, false) // bsondump accepts only 0 and 1 as booleans
	for _, v := range values {
		doc := one(v.t, v.val)
		// bsondump uses the driver to print, and stops if the driver's text is not valid JSON
		if _, exact := driverExact(doc, true); exact {
			docs, file = append(docs, doc), append(file, doc...)
		}
	}
	name := filepath.Join(t.TempDir(), "docs.bson")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), bsondump, "--objcheck", name)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	lines := bytes.Split(bytes.TrimSuffix(out, []byte("\n")), []byte("\n"))
	if len(lines) != len(docs) {
		t.Fatalf("bsondump found %d documents of %d", len(lines), len(docs))
	}
	compared := 0
	for i, doc := range docs {
		if _, exact := driverExact(doc, true); !exact { // an empty binary of subtype 2 becomes four zero bytes
			continue
		}
		compared++
		if ours, err := bsoncodec.AppendExtJSON(nil, doc, nil); err != nil || !bytes.Equal(lines[i], ours) {
			t.Errorf("document %d: bsondump prints\n%s, not\n%s, %v", i, lines[i], ours, err)
		}
	}
	t.Logf("%d of %d documents are printed the same, the driver is not exact for the others", compared, len(docs))
	if compared < len(docs)*9/10 {
		t.Errorf("only %d of %d documents were compared", compared, len(docs))
	}
}
