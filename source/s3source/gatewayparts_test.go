package s3source_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
)

// TestGatewayAnswersForPart: a gateway answers the HEAD for the size of a part between others. A
// download survives this for a while. If the gateway goes on, a run that has emitted nothing
// continues without the checksum, and a run in the middle of the object ends.
func TestGatewayAnswersForPart(t *testing.T) {
	data := random(1000)
	for _, nameless := range []int{0, 1, always} {
		for _, pages := range []int{1, 5, always} {
			synctest.Test(t, func(t *testing.T) {
				server, client := oneConnection(t)
				written{algorithm: "SHA256", parts: []int{300, 200, 450, 50}}.store(t, client, data)
				if nameless > 0 {
					server.Fault(s3test.Fault{Op: "GetObject", Times: nameless, After: untagged})
				}
				server.Fault(s3test.Fault{Op: "HeadObject", Part: 3, Times: pages, Before: chunkedPage})
				var compared s3source.Verification
				retries := 0
				got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
					ChunkSize: 100, OnRetry: func(error, time.Duration) { retries++ },
					OnObject: func(o s3source.Object) error { compared = o.Verification; return nil },
				}))
				whole := err == nil && bytes.Equal(got, data)
				switch {
				case pages != always && (!whole || compared.Parts != 4):
					t.Errorf("%d nameless, %d pages: %d bytes, %v, compared with %+v",
						nameless, pages, len(got), err, compared)
				case pages == always && nameless > 0 && (!whole || compared.Algorithm != ""):
					t.Errorf("%d nameless, always: %d bytes, %v, compared with %+v", nameless, len(got), err, compared)
				case pages == always && nameless == 0 &&
					(!errors.Is(err, s3source.ErrBadReply) || !bytes.HasPrefix(data, got) || retries != 5):
					t.Errorf("always: %d bytes, %v, after %d retries", len(got), err, retries)
				}
			})
		}
	}
}

// TestHeadsWithoutETag: the HEADs of a service never have an ETag. Its objects come without the
// checksum, even if RetryTimeout is short.
func TestHeadsWithoutETag(t *testing.T) {
	for name, opts := range map[string]s3source.DownloadOptions{
		"one at a time": {Length: 1000}, "4 at a time": {Length: 1000, Parallelism: 4, PartSize: 300},
	} {
		for _, timeout := range []time.Duration{-1, time.Nanosecond, time.Second, 3 * time.Second, time.Minute} {
			synctest.Test(t, func(t *testing.T) {
				server, client := oneConnection(t)
				want := random(1000)
				written{algorithm: "SHA256", parts: []int{300, 200, 450, 50}}.store(t, client, want)
				server.Fault(s3test.Fault{Op: "HeadObject", Times: always, After: untagged})
				opts.RetryTimeout = timeout
				var compared s3source.Verification
				opts.OnObject = func(o s3source.Object) error { compared = o.Verification; return nil }
				got, err := read(t.Context(), s3source.Download(client, bucket, key, &opts))
				if err != nil || !bytes.Equal(got, want) || compared.Algorithm != "" {
					t.Errorf("%s, %v: %d bytes, %v, compared with %+v", name, timeout, len(got), err, compared)
				}
			})
		}
	}
}

// TestFailuresAfterHeads: the HEADs about the checksum fail for a while, or never have an ETag. Then
// the GETs fail. They have all retries: those of the HEADs do not count.
func TestFailuresAfterHeads(t *testing.T) {
	for name, tt := range map[string]struct {
		heads, gets s3test.Fault
		timeout     time.Duration
		parts       int // of the checksum that is compared
		fails       bool
	}{
		"HEADs never, 5 pages":         {s3test.Fault{Times: always, After: untagged}, pages(5), 0, 0, false},
		"HEADs never, 6 pages":         {s3test.Fault{Times: always, After: untagged}, pages(6), 0, 0, true},
		"HEADs never, no time, a page": {s3test.Fault{Times: always, After: untagged}, pages(1), time.Second, 0, false},
		"5 HEADs, 5 pages":             {s3test.Fault{Times: 5, After: untagged}, pages(5), 0, 4, false},
		"5 HEADs, 6 pages":             {s3test.Fault{Times: 5, After: untagged}, pages(6), 0, 4, true},
	} {
		bubble(t, name, func(t *testing.T) {
			server, client := oneConnection(t)
			want := random(1000)
			written{algorithm: "SHA256", parts: []int{300, 200, 450, 50}}.store(t, client, want)
			tt.heads.Op, tt.gets.Op = "HeadObject", "GetObject"
			tt.gets.Skip = 1 // the first describes the object
			server.Fault(tt.heads)
			server.Fault(tt.gets)
			var compared s3source.Verification
			got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
				Length: 1000, RetryTimeout: tt.timeout,
				OnObject: func(o s3source.Object) error { compared = o.Verification; return nil },
			}))
			if whole := err == nil && bytes.Equal(got, want); whole == tt.fails || compared.Parts != tt.parts ||
				tt.fails && !errors.Is(err, s3source.ErrBadReply) {
				t.Errorf("%d bytes, %v, compared with %+v", len(got), err, compared)
			}
		})
	}
}

// pages has a gateway answer n requests.
func pages(n int) s3test.Fault { return s3test.Fault{Times: n, Before: chunkedPage} }

// TestOutageAfterHeads: an outage of the HEADs ends, and then the GETs have one. Together they take
// longer than RetryTimeout.
func TestOutageAfterHeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := oneConnection(t)
		want := random(1000)
		written{algorithm: "SHA256", parts: []int{300, 200, 450, 50}}.store(t, client, want)
		server.Fault(s3test.Fault{Op: "HeadObject", Times: always, Before: outages(once(4 * time.Minute))})
		server.Fault(s3test.Fault{Op: "GetObject", Skip: 1, Times: always, Before: outages(once(4 * time.Minute))})
		begin := time.Now()
		got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{Length: 1000}))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v after %v", len(got), err, time.Since(begin))
		}
	})
}
