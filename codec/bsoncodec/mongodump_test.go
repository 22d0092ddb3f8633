package bsoncodec_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/millweir/millweir/codec/bsoncodec"
	"github.com/millweir/millweir/internal/bsonrand"
	"github.com/millweir/millweir/internal/corpus"
	"github.com/millweir/millweir/stream"
)

// readDump splits a .bson file into its documents. It follows the whole grammar of
// https://bsonspec.org, and shares no code with the package.
func readDump(file []byte) (docs [][]byte, err error) {
	for len(file) > 0 {
		r := dumpReader{rest: file}
		r.document()
		if r.err != nil {
			return docs, fmt.Errorf("document %d: %w", len(docs), r.err)
		}
		n := len(file) - len(r.rest)
		docs, file = append(docs, file[:n]), file[n:]
	}
	return docs, nil
}

type dumpReader struct {
	rest []byte
	err  error
}

func (r *dumpReader) take(n int) []byte {
	if r.err == nil && (n < 0 || n > len(r.rest)) {
		r.err = fmt.Errorf("%d bytes wanted, %d left", n, len(r.rest))
	}
	if r.err != nil {
		return make([]byte, 4)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *dumpReader) length() int { return int(int32(binary.LittleEndian.Uint32(r.take(4)))) }

func (r *dumpReader) cstring() {
	n := bytes.IndexByte(r.rest, 0)
	r.take(n + 1)
	if n < 0 && r.err == nil {
		r.err = fmt.Errorf("a name without an end")
	}
}

func (r *dumpReader) string() {
	if s := r.take(r.length()); r.err == nil && (len(s) == 0 || s[len(s)-1] != 0) {
		r.err = fmt.Errorf("a string without an end")
	}
}

func (r *dumpReader) document() {
	before := len(r.rest)
	want := r.length()
	for r.err == nil {
		t := r.take(1)[0]
		if t == 0 {
			break
		}
		r.cstring()
		switch t {
		case 1, 9, 17, 18:
			r.take(8)
		case 2, 13, 14:
			r.string()
		case 3, 4:
			r.document()
		case 5:
			n := r.length()
			r.take(1)
			r.take(n)
		case 6, 10, 127, 255:
		case 7:
			r.take(12)
		case 8:
			r.take(1)
		case 11:
			r.cstring()
			r.cstring()
		case 12:
			r.string()
			r.take(12)
		case 15:
			r.length()
			r.string()
			r.document()
		case 16:
			r.take(4)
		case 19:
			r.take(16)
		default:
			r.err = fmt.Errorf("type %d", t)
		}
	}
	if got := before - len(r.rest); r.err == nil && got != want {
		r.err = fmt.Errorf("%d bytes, its length says %d", got, want)
	}
}

// dump returns documents of every type and of the usual shapes, with odd ones if odd is set, and
// the file that BSON makes of them.
func dump(t *testing.T, odd bool) ([]bson.Raw, []byte) {
	t.Helper()
	c, g := corpus.New(1), bsonrand.New(20)
	docs := corpus.Docs(300, c.Mix)
	for i := range 1000 {
		g.Odd = odd && i%2 > 0
		docs = append(docs, g.Doc())
	}
	chunks, err := collect(t, stream.Via(slice(docs...), bsoncodec.BSON(nil)))
	if err != nil {
		t.Fatal(err)
	}
	return docs, concat(chunks)
}

func TestBSONIsAsMongodumpWritesIt(t *testing.T) {
	docs, file := dump(t, true)
	got, err := readDump(file)
	if err != nil || len(got) != len(docs) {
		t.Fatalf("%d documents of %d, %v", len(got), len(docs), err)
	}
	for i, doc := range docs {
		if !bytes.Equal(got[i], doc) {
			t.Errorf("document %d: got %x, want %x", i, got[i], []byte(doc))
		}
	}
}

// TestJQReadsExtJSON: jq reads every line, with escaped values too.
func TestJQReadsExtJSON(t *testing.T) {
	jq, err := exec.LookPath("jq")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("jq is not installed: .ci/servers does it")
		}
		t.Skip("jq is not installed")
	}
	docs, _ := dump(t, true)
	for _, doc := range odd {
		docs = append(docs, doc)
	}
	chunks, err := collect(t, stream.Via(slice(docs...), bsoncodec.ExtJSON(nil)))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), jq, "-c", "type")
	cmd.Stdin = bytes.NewReader(concat(chunks))
	out, err := cmd.CombinedOutput()
	if n := bytes.Count(out, []byte("\"object\"\n")); err != nil || n != len(docs) {
		t.Errorf("jq read %d lines of %d, %v", n, len(docs), err)
	}
}
