package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// TestRun runs the program of the README's first command.
func TestRun(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		`Baked +4,000 documents`,
		`Backed up +4,000 documents in`,
		`BSON, as read +1\d,\d{3},\d{3} bytes +100\.0 %`,
		`gzip +[\d,]+ bytes +\d\d\.\d %`,
		`Stored +s3://backups/cookies\.jsonl\.gz\.age, in 2 parts .*, ETag "[^"]+"`,
		`Dropped +shop\.cookies`,
		`Restored +4,000 documents`,
		`Compared +all 4,000 documents are equal, byte for byte`,
	} {
		if !regexp.MustCompile(want).Match(out.Bytes()) {
			t.Errorf("no line matches %s in\n%s", want, out.String())
		}
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// stopAt is a writer that cancels a context when it receives a text.
type stopAt struct {
	text   string
	cancel context.CancelCauseFunc
	cause  error
}

func (s stopAt) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.text) {
		s.cancel(s.cause)
	}
	return len(p), nil
}

// leavesNothing gives the test an empty folder for temporary files, and fails it if any are left at
// its end.
func leavesNothing(t *testing.T) {
	t.Helper()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Cleanup(func() {
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
	})
}

func TestStopped(t *testing.T) {
	for _, at := range []string{"Servers", "Baked", "Dropped"} {
		t.Run(at, func(t *testing.T) {
			leavesNothing(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			enough := errors.New("enough")
			if err := run(ctx, stopAt{at, cancel, enough}); !errors.Is(err, enough) &&
				!errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func TestEqual(t *testing.T) {
	docs := func(ns ...int) (all []bson.Raw) {
		for _, n := range ns {
			doc, err := bson.Marshal(bson.D{{Key: "_id", Value: n}})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, doc)
		}
		return all
	}
	for _, c := range []struct {
		a, b []bson.Raw
		want bool
	}{
		{nil, nil, true},
		{docs(1, 2), docs(1, 2), true},
		{docs(1, 2), docs(1), false},
		{docs(1), docs(1, 2), false},
		{docs(1, 2), docs(1, 3), false},
	} {
		if got := equal(c.a, c.b) == nil; got != c.want {
			t.Errorf("equal(%v, %v) is %v", c.a, c.b, got)
		}
	}
}
