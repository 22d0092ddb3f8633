package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/millweir/millweir/stream"
)

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
			"backup: this program has a defect, please report it (--debug shows where): panic: [hidden]; bolts\n",
		},
		{
			fmt.Errorf("so %w", &Panic{Value: 1}), term, 4,
			"backup: stopped by SIGTERM: so this program has a defect, please report it (--debug shows where): " +
				"panic: 1\n",
		},
		{
			errors.New("context canceled"), &Panic{Value: 1}, 4,
			"backup: this program has a defect, please report it (--debug shows where): panic: 1: context canceled\n",
		},
		{
			fmt.Errorf("so %w", unknown), &Panic{Value: 1}, 4,
			"backup: this program has a defect, please report it (--debug shows where): panic: 1: so it may be\n",
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

// TestStall notices that nothing changes.
func TestStall(t *testing.T) {
	var s Stall
	for _, c := range []struct{ elapsed, count, want time.Duration }{
		{3 * time.Second, 0, 0},
		{6 * time.Second, 0, 0},
		{7 * time.Second, 0, 4 * time.Second},
		{9 * time.Second, 1, 0},
		{12 * time.Second, 1, 0},
		{15 * time.Second, 1, 6 * time.Second},
	} {
		if got := s.Since(c.count, c.elapsed); got != c.want {
			t.Errorf("after %v: %v, want %v", c.elapsed, got, c.want)
		}
	}
}
