package s3store_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

func TestCheck(t *testing.T) {
	replaces := s3test.Fault{Op: "PutObject", Times: -1, Before: func(r *s3test.Request) *s3test.Reply {
		r.Header.Del("If-None-Match")
		return nil
	}}
	wrongClock := func(by time.Duration) s3test.Fault {
		return s3test.Fault{Op: "HeadBucket", Times: -1, After: func(_ *s3test.Request, r *s3test.Reply) {
			r.Header.Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
		}}
	}
	refused := func(op string) s3test.Fault {
		return s3test.Fault{Op: op, Times: -1, Before: s3test.Fail(403, "AccessDenied")}
	}
	compliance := s3store.Options{LockMode: s3sink.Compliance}
	for name, test := range map[string]struct {
		server s3test.Options
		opts   s3store.Options
		faults []s3test.Fault
		want   []error // nil is any error
	}{
		"all is well":    {},
		"versions":       {server: s3test.Options{Versioned: true}},
		"object lock":    {server: s3test.Options{ObjectLock: true}, opts: compliance},
		"no object lock": {opts: compliance, want: []error{backup.ErrNoHold}},
		"clock behind":   {faults: []s3test.Fault{wrongClock(2 * time.Minute)}, want: []error{s3store.ErrClock}},
		"clock ahead": {
			faults: []s3test.Fault{wrongClock(-2 * time.Minute)},
			want:   []error{s3store.ErrClock},
		},
		"clock nearly right": {faults: []s3test.Fault{wrongClock(30 * time.Second)}},
		"objects are replaced": {
			faults: []s3test.Fault{replaces}, want: []error{s3sink.ErrIgnoresIfNoneMatch, backup.ErrUnfit},
		},
		"the bucket is refused": {faults: []s3test.Fault{refused("HeadBucket")}},
		"the bucket is refused, and the clock wrong": {
			faults: []s3test.Fault{{Op: "HeadBucket", Times: -1, Before: func(*s3test.Request) *s3test.Reply {
				past := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
				return &s3test.Reply{Status: 403, Header: http.Header{"Date": {past}}}
			}}},
			want: []error{s3store.ErrClock},
		},
		"lists are refused": {faults: []s3test.Fault{refused("ListObjectsV2")}, want: []error{nil}},
		"Put is refused":    {faults: []s3test.Fault{refused("PutObject")}, want: []error{nil}},
		"the lock is refused": {
			opts: compliance, faults: []s3test.Fault{refused("GetObjectLockConfiguration")}, want: []error{nil},
		},
		"much is wrong": {
			opts: compliance, faults: []s3test.Fault{wrongClock(time.Hour), replaces},
			want: []error{s3store.ErrClock, backup.ErrNoHold, s3sink.ErrIgnoresIfNoneMatch},
		},
	} {
		server, client := newServer(t, &test.server)
		for _, f := range test.faults {
			server.Fault(f)
		}
		s := s3store.New(client, bucket, "shop", &test.opts)
		for range 2 { // the second time, there is a probe
			err := s.Check(t.Context())
			if (err != nil) != (test.want != nil) || err != nil && stream.ClassOf(err) != stream.Fatal {
				t.Errorf("%s: %v", name, err)
			}
			for _, want := range test.want {
				if want != nil && !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", name, err, want)
				}
			}
		}
		objects, err := stream.Run(t.Context(), s.List(""), sink.Slice[backup.Object]())
		if name != "lists are refused" && (err != nil || len(objects) > 0) {
			t.Errorf("%s: a list has %v, %v", name, objects, err)
		}
	}
}
