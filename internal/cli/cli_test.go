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

// end ends a program with err and returns its exit code and its output.
func end(p *Program, err, cause error) (code int, said string) {
	var b bytes.Buffer
	p.out, p.secrets = &b, new(secrets)
	p.secrets.add("pass", "abc", "c0rrect-Horse")
	code = p.finish(err, cause)
	return code, b.String()
}

func TestEnd(t *testing.T) {
	term, interrupt := &Signalled{syscall.SIGTERM}, &Signalled{syscall.SIGINT}
	unknown := stream.Mark(errors.New("it may be"), stream.UnknownOutcome)
	for _, c := range []struct {
		err, cause error
		code       int
		said       string
	}{
		{nil, nil, 0, ""},
		{nil, term, 0, ""}, // it finished before it could stop
		{flag.ErrHelp, nil, 0, ""},
		{errors.New("it broke"), nil, 1, "backup: it broke\n"},
		{
			errors.Join(errors.New("it broke"), errors.New("and so did this\n  on two lines")), nil, 1,
			"backup: it broke; and so did this; on two lines\n",
		},
		{
			errors.Join(Errorf("the bucket %s is gone", "abc"), errors.New("it broke")), nil, 1,
			"backup: the bucket abc is gone; it broke\n",
		},
		{
			errors.New("the password c0rrect-Horse is no passage"), nil, 1,
			"backup: the password [hidden] is no passage\n",
		},
		{errors.New("the password is no pass"), nil, 1, "backup: " + hiddenText + "\n"},
		{
			Errorf("the bucket %s has no pass: %w", "abc", errors.New("abc?")), nil, 1,
			"backup: the bucket abc has no pass: " + hiddenText + "\n",
		},
		{
			&Panic{Value: "c0rrect-Horse\nbolts"}, nil, 4,
			"backup: this program has a defect, please report it (-debug shows where): panic: [hidden]; bolts\n",
		},
		{
			fmt.Errorf("so %w", &Panic{Value: 1}), term, 4,
			"backup: stopped by SIGTERM: so this program has a defect, please report it (-debug shows where): " +
				"panic: 1\n",
		},
		{
			errors.New("context canceled"), &Panic{Value: 1}, 4,
			"backup: this program has a defect, please report it (-debug shows where): panic: 1: context canceled\n",
		},
		{
			fmt.Errorf("so %w", unknown), &Panic{Value: 1}, 4,
			"backup: this program has a defect, please report it (-debug shows where): panic: 1: so it may be\n",
		},
		{Usagef("no flag %s", "x"), nil, 2, "backup: no flag x (backup -h lists the flags)\n"},
		{term, term, 143, "backup: stopped by SIGTERM\n"},
		{interrupt, interrupt, 130, "backup: stopped by SIGINT (ctrl-C)\n"},
		{fmt.Errorf("so %w", unknown), nil, 3, "backup: so it may be\n"},
		{unknown, term, 3, "backup: stopped by SIGTERM: it may be\n"},
		{stream.Mark(fmt.Errorf("%w; undone", unknown), stream.Fatal), nil, 1, "backup: it may be; undone\n"},
		{
			stream.Mark(fmt.Errorf("%w; undone", unknown), stream.Fatal), term, 143,
			"backup: stopped by SIGTERM: it may be; undone\n",
		},
		{errors.New("context canceled"), term, 143, "backup: stopped by SIGTERM: context canceled\n"},
	} {
		if code, said := end(&Program{Name: "backup"}, c.err, c.cause); code != c.code || said != c.said {
			t.Errorf("%v ends with %d and %q, want %d and %q", c.err, code, said, c.code, c.said)
		}
	}
	_, said := end(&Program{Name: "backup", JSON: true}, errors.New(`the "c0rrect-Horse" is wrong`), nil)
	var log struct{ Level, Msg, Error string }
	if err := json.Unmarshal([]byte(said), &log); err != nil || log.Level != "ERROR" || log.Msg != "backup failed" ||
		log.Error != `the "[hidden]" is wrong` {
		t.Errorf("%s (%v)", said, err)
	}
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"Käse 🍪 “x”":           "Käse 🍪 “x”",
		"a\r\n\n b":            "a; b",
		"\x1b[31mred\x07\tend": `\x1b[31mred\a\tend`,
		"bad \xff utf-8":       `bad \xff utf-8`,
		"a\u202eb":             `a\u202eb`, // right-to-left override
	} {
		if got := (*secrets)(nil).describe(errors.New(text)); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestAdvise checks that the one line keeps the errors of clean-up.
func TestAdvise(t *testing.T) {
	cause := errors.Join(errors.New("operation error S3: long"), errors.New("abort upload 7: no"))
	err := advise("NoSuchBucket", "create it", cause)
	if got := err.Error(); got != "create it (NoSuchBucket; abort upload 7: no)" || !errors.Is(err, cause) {
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
		if err != c.want { //nolint:errorlint // unwrapped
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestLine(t *testing.T) {
	var docs, object stream.Stats
	src := stream.Via(source.Of(make([]byte, 3<<20), make([]byte, 3<<20)), stream.MonitorBytes(&docs))
	r := stream.Reader(t.Context(), stream.Via(src, stream.MonitorBytes(&object)))
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	var none, some Acknowledged
	some.Part(3 << 20)
	some.Documents(1)
	for _, c := range []struct {
		counters *Counters
		want     string
	}{
		{&Counters{}, "2 documents, 1/s, 6.0 MiB read, 0 B of 6.0 MiB stored, 0 parts, 2s"},
		{&Counters{Acknowledged: &some}, "2 documents, 1/s, 6.0 MiB read, 3.0 MiB of 6.0 MiB stored, 1 part, 2s"},
		// The server acknowledges nothing.
		{
			&Counters{Acknowledged: &none, Expected: 2},
			" 0 %, 2 documents, 1/s, 6.0 MiB read, 0 B of 6.0 MiB stored, 0 parts, 2s",
		},
		{
			&Counters{Acknowledged: &some, Expected: 8},
			"12 %, 2 documents, 1/s, 6.0 MiB read, 3.0 MiB of 6.0 MiB stored, 1 part, 2s",
		},
		// The estimate is too low.
		{
			&Counters{Acknowledged: &some, Expected: 1},
			"50 %, 2 documents, 1/s, 6.0 MiB read, 3.0 MiB of 6.0 MiB stored, 1 part, 2s",
		},
		{&Counters{Size: 12 << 20, Verb: "checked"}, "50 %, 2 documents, 1/s, 6.0 MiB read, 6.0 MiB checked, 2s"},
		{&Counters{Size: 6 << 20, Verb: "checked"}, "99 %, 2 documents, 1/s, 6.0 MiB read, 6.0 MiB checked, 2s"},
		{
			&Counters{Size: 6 << 20, Acknowledged: &some, Verb: "restored"},
			"50 %, 2 documents, 1/s, 6.0 MiB read, 1 of them restored, 2s",
		},
		{
			&Counters{Size: 6 << 20, Acknowledged: &none, Verb: "restored"},
			" 0 %, 2 documents, 1/s, 6.0 MiB read, 0 of them restored, 2s",
		},
	} {
		c.counters.Documents, c.counters.Object = &docs, &object
		if got := c.counters.Line(2 * time.Second); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		if attrs := c.counters.Attrs(2 * time.Second); len(attrs)%2 != 0 || attrs[1] != int64(2) {
			t.Errorf("attributes %v", attrs)
		}
	}
}

// TestStalled checks that the progress reports a stall and the cause of the last retry.
func TestStalled(t *testing.T) {
	var docs, object stream.Stats
	var answered Acknowledged
	c := &Counters{Documents: &docs, Object: &object, Acknowledged: &answered}
	says := func(elapsed time.Duration, want string) {
		t.Helper()
		if got := c.Line(elapsed); !strings.Contains(got, want) || want == "" &&
			strings.Contains(got, "nothing has moved") {
			t.Errorf("after %v: %s, which lacks %q", elapsed, got, want)
		}
	}
	says(3*time.Second, "")
	says(7*time.Second, "nothing has moved for 7s")
	answered.Part(1)
	says(8*time.Second, "")
	says(11*time.Second, "")
	says(14*time.Second, "nothing has moved for 6s")
	answered.Retry(errors.New("upload part 3: connection reset"), time.Second)
	says(15*time.Second, "1 retry, nothing has moved for 7s")
	answered.Retry(errors.New("upload part 3: timeout"), time.Second)
	says(15*time.Second, "2 retries")
	if got := progressWords(c, time.Second).Error(); !strings.HasSuffix(got,
		"; the last one after: upload part 3: timeout") {
		t.Errorf("the message is %s", got)
	}
}

func TestFilter(t *testing.T) {
	for _, c := range []struct {
		text string
		keys int // -1: rejected
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
