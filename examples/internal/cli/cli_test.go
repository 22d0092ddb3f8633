package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

func TestSize(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  Size
		shown string
	}{
		{"8MiB", 8 << 20, "8.0MiB"},
		{"8mib", 8 << 20, "8.0MiB"},
		{"16MB", 16_000_000, "15MiB"},
		{"5242880", 5 << 20, "5.0MiB"},
		{"1", 1, "1"},
		{"1.5GiB", 3 << 29, "1.5GiB"},
		{"0", 0, ""},
		{"-1", 0, ""},
		{"", 0, ""},
		{"MiB", 0, ""},
		{"8 bits", 0, ""},
		{"99999999999999999999", 0, ""},
	} {
		var s Size
		err := s.Set(c.text)
		if (err == nil) != (c.want > 0) || s != c.want {
			t.Errorf("%q is %d, %v; want %d", c.text, s, err, c.want)
		}
		if err == nil && c.want%1024 == 0 && s.String() != c.shown {
			t.Errorf("%q is shown as %s, want %s", c.text, s.String(), c.shown)
		}
	}
}

// end ends a program with err and returns its exit code and what it said.
func end(p *Program, err, cause error) (code int, said string) {
	var b bytes.Buffer
	p.out = &redactor{w: &b}
	p.Hide("pass")
	p.Hide("abc") // too short to be hidden
	code = p.end(err, cause)
	return code, b.String()
}

func TestEnd(t *testing.T) {
	term, interrupt := &Signalled{syscall.SIGTERM}, &Signalled{syscall.SIGINT}
	for _, c := range []struct {
		err, cause error
		code       int
		said       string
	}{
		{nil, nil, 0, ""},
		{nil, term, 0, ""}, // it was done before it could stop
		{flag.ErrHelp, nil, 0, ""},
		{errors.New("it broke"), nil, 1, "backup: it broke\n"},
		{errors.Join(errors.New("it broke"), errors.New("and so did this\n  on two lines")), nil, 1, "backup: it broke; and so did this; on two lines\n"},
		{errors.New("the password is pass, abc"), nil, 1, "backup: the [hidden]word is [hidden], abc\n"},
		{Usagef("no flag %s", "x"), nil, 2, "backup: no flag x (backup -h lists the flags)\n"},
		{term, term, 143, "backup: stopped by SIGTERM\n"},
		{interrupt, interrupt, 130, "backup: stopped by SIGINT (ctrl-C)\n"},
		{fmt.Errorf("so %w", Unclear(errors.New("it may be"))), nil, 3, "backup: so it may be\n"},
		{Unclear(errors.New("it may be")), term, 3, "backup: stopped by SIGTERM: it may be\n"},
		{errors.New("context canceled"), term, 143, "backup: stopped by SIGTERM: context canceled\n"},
	} {
		if code, said := end(&Program{Name: "backup"}, c.err, c.cause); code != c.code || said != c.said {
			t.Errorf("%v ends with %d and %q, want %d and %q", c.err, code, said, c.code, c.said)
		}
	}
	_, said := end(&Program{Name: "backup", JSON: true}, errors.New(`the "pass" is wrong`), nil)
	var log struct{ Level, Msg, Error string }
	if err := json.Unmarshal([]byte(said), &log); err != nil || log.Level != "ERROR" || log.Msg != "backup failed" || log.Error != `the "[hidden]" is wrong` {
		t.Errorf("%s (%v)", said, err)
	}
}

// TestHidden has what looks like a secret, wherever it comes from.
func TestHidden(t *testing.T) {
	var b bytes.Buffer
	r := &redactor{w: &b}
	r.hide(`pa"ss\`)
	for text, want := range map[string]string{
		"open # key\nAGE-SECRET-KEY-1PTAP357A7P7LJD9: no such file":                        "open # key\n[hidden]: no such file",
		"age-secret-key-pq-1xyz":                                                           "[hidden]",
		"invalid value mongodb://user:pa55@host:1/x?y=z for":                               "invalid value mongodb://[hidden]@host:1/x?y=z for",
		"mongodb://u:a/b#c@host/":                                                          "mongodb://[hidden]@host/",
		"http://127.0.0.1:9000/bucket and mail@example.com":                                "http://127.0.0.1:9000/bucket and mail@example.com",
		"mongodb://host:27017/":                                                            "mongodb://host:27017/",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----": "[hidden]-----END OPENSSH PRIVATE KEY-----",
		`wrong: pa"ss\`:           "wrong: [hidden]",
		`{"error":"pa\"ss\\ no"}`: `{"error":"[hidden] no"}`,
	} {
		b.Reset()
		if _, err := r.Write([]byte(text)); err != nil || b.String() != want {
			t.Errorf("%s is written as %s, want %s (%v)", text, b.String(), want, err)
		}
	}
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"Käse 🍪 “x”":           "Käse 🍪 “x”",
		"a\r\n\n b":            "a; b",
		"\x1b[31mred\x07\tend": `\x1b[31mred\a\tend`,
		"bad \xff utf-8":       "bad \ufffd utf-8",
		"a\u202eb":             `a\u202eb`, // writes from right to left
	} {
		if got := oneLine(errors.New(text)); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestAdvise keeps what clean-up joined to an error in its one line.
func TestAdvise(t *testing.T) {
	cause := errors.Join(errors.New("operation error S3: long"), errors.New("abort upload 7: no"))
	err := advise("NoSuchBucket", "create it", cause)
	if got := oneLine(err); got != "create it (NoSuchBucket; abort upload 7: no)" || !errors.Is(err, cause) {
		t.Error(got)
	}
}

func TestNotEmpty(t *testing.T) {
	none := errors.New("none")
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		src  stream.Source[int]
		want error
	}{
		{"empty", source.Empty[int](), none},
		{"one", source.Of(1), nil},
		{"two", source.Of(1, 2), nil},
		{"failing", stream.Fail[int](broken), broken},
	} {
		var err error
		for _, err = range stream.All(t.Context(), stream.Via(c.src, NotEmpty[int](none))) {
		}
		if err != c.want { //nolint:errorlint // as it is, unwrapped
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestLine(t *testing.T) {
	var docs, object stream.Stats
	src := stream.Via(source.Of(make([]byte, 3<<20), make([]byte, 3<<20)), stream.Monitor[[]byte](&docs))
	r := stream.Reader(t.Context(), stream.Via(src, stream.Monitor[[]byte](&object)))
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		counters Counters
		want     string
	}{
		{Counters{}, "2 documents, 1/s, 6.0 MiB read, 6.0 MiB stored, 2s"},
		{Counters{PartSize: 5 << 20}, "2 documents, 1/s, 6.0 MiB read, 6.0 MiB stored, 1 part, 2s"},
		{Counters{PartSize: 8 << 20}, "2 documents, 1/s, 6.0 MiB read, 6.0 MiB stored, 0 parts, 2s"},
		{Counters{Expected: 8}, "25 %, 2 documents, 1/s, 6.0 MiB read, 6.0 MiB stored, 2s"},
		{Counters{Expected: 1}, "99 %, 2 documents, 1/s, 6.0 MiB read, 6.0 MiB stored, 2s"}, // an estimate may be too low
		{Counters{Size: 12 << 20, Verb: "restored"}, "50 %, 2 documents, 1/s, 6.0 MiB read, 6.0 MiB restored, 2s"},
	} {
		c.counters.Documents, c.counters.Object = &docs, &object
		if got := c.counters.line(2 * time.Second); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		if attrs := c.counters.attrs(2 * time.Second); len(attrs)%2 != 0 || attrs[1] != int64(2) {
			t.Errorf("attributes %v", attrs)
		}
	}
}

func TestFilter(t *testing.T) {
	for _, c := range []struct {
		text string
		keys int // -1: refused
	}{
		{`{}`, 0},
		{` {"a": 1, "b": {"$gt": {"$date": "2024-01-01T00:00:00Z"}}} `, 2},
		{``, -1},
		{`null`, -1},
		{`[]`, -1},
		{`1`, -1},
		{`{}{}`, -1},
		{`{a: 1}`, -1},
		{`{"a": {"$oid": "no"}}`, -1},
	} {
		var f Filter
		err := f.Set(c.text)
		if (err == nil) != (c.keys >= 0) || err == nil && (f.D == nil || len(f.D) != c.keys) {
			t.Errorf("%s: %v, %v", c.text, f.D, err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than a line: %v", err)
		}
	}
}
