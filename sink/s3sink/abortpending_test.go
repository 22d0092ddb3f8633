package s3sink_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

func TestAbortPending(t *testing.T) {
	server, client := newServer(t, nil)
	begin := func(key string, age time.Duration) string {
		b := bucket
		out, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		server.Age(bucket, *out.UploadId, age)
		return *out.UploadId
	}
	for i := range 1100 { // more than one page
		begin(fmt.Sprintf("dir/%d", i%600), 2*time.Hour)
	}
	young, elsewhere := begin("dir/7", time.Minute), begin("other/7", 2*time.Hour)
	n, err := s3sink.AbortPending(t.Context(), client, bucket, "dir/", olderThan(time.Hour))
	if n != 1100 || err != nil {
		t.Errorf("%d uploads were aborted, %v", n, err)
	}
	if left := server.Uploads(bucket); len(left) != 2 {
		t.Errorf("%v are left, want %s and %s", left, young, elsewhere)
	}

	begin("dir/a", 2*time.Hour)
	stuck := begin("dir/b", 2*time.Hour)
	begin("dir/c", 2*time.Hour)
	server.Fault(s3test.Fault{Op: "AbortMultipartUpload", Key: "dir/b", Before: s3test.Fail(403, "AccessDenied")})
	n, err = s3sink.AbortPending(t.Context(), client, bucket, "dir/", olderThan(time.Hour))
	if n != 2 || !coded("AccessDenied")(err) || !strings.Contains(err.Error(), stuck) {
		t.Errorf("%d uploads were aborted, %v", n, err)
	}
}

// begin starts an upload that is two hours old.
func begin(t *testing.T, server *s3test.Server, client *s3.Client, key string) {
	t.Helper()
	b := bucket
	out, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	server.Age(bucket, *out.UploadId, 2*time.Hour)
}

// MinIO takes the prefix for a whole key. Such a key may have an upload itself.
func TestAbortPendingMinIO(t *testing.T) {
	for _, prefix := range []string{"dir/", "dir/a"} {
		server, client := newServer(t, &s3test.Options{Service: s3test.MinIO})
		for _, key := range []string{"dir/a", "dir/ab", "other"} {
			begin(t, server, client, key)
		}
		n, err := s3sink.AbortPending(t.Context(), client, bucket, prefix, olderThan(time.Hour))
		if n != 2 || err != nil || len(server.Uploads(bucket)) != 1 {
			t.Errorf("%d uploads were aborted, %v; %v are left", n, err, server.Uploads(bucket))
		}
	}
}

// The right to list may be limited to the prefix. On MinIO, uploads may then be hidden.
func TestAbortPendingLimitedRight(t *testing.T) {
	for _, test := range []struct {
		service s3test.Service
		prefix  string
		n       int
		refused bool
	}{
		{s3test.AmazonS3, "none", 0, false},
		{s3test.AmazonS3, "dir/a", 1, false},
		{s3test.MinIO, "none", 0, true},
		{s3test.MinIO, "dir/a", 0, true},
	} {
		server, client := newServer(t, &s3test.Options{Service: test.service})
		begin(t, server, client, "dir/a")
		server.Fault(s3test.Fault{
			Op: "ListMultipartUploads", Times: always,
			Before: func(r *s3test.Request) *s3test.Reply {
				if len(r.Query["prefix"]) > 0 {
					return nil
				}
				return s3test.Fail(403, "AccessDenied")(r)
			},
		})
		n, err := s3sink.AbortPending(t.Context(), client, bucket, test.prefix, olderThan(time.Hour))
		if n != test.n || coded("AccessDenied")(err) != test.refused || (err != nil) != test.refused {
			t.Errorf("%v, %s: %d uploads were aborted, %v", test.service, test.prefix, n, err)
		}
	}
}

// A dry run reports what would be aborted, and aborts nothing.
func TestAbortPendingDryRun(t *testing.T) {
	server, client := newServer(t, nil)
	for _, key := range []string{"dir/a", "dir/b"} {
		begin(t, server, client, key)
	}
	young := "dir/c"
	b := bucket
	if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: &b,
		Key:    &young,
	}); err != nil {
		t.Fatal(err)
	}
	for _, opts := range []s3sink.AbortPendingOptions{
		{OlderThan: time.Hour, DryRun: true}, {DryRun: true}, {}, {OlderThan: time.Hour},
	} {
		var keys []string
		opts.OnUpload = func(u s3sink.PendingUpload) {
			if age := time.Since(u.Began); u.ID == "" || age < time.Hour {
				t.Errorf("%+v", u)
			}
			keys = append(keys, u.Key)
		}
		want, left := []string(nil), 3 // by default a week
		if opts.OlderThan > 0 {
			want = []string{"dir/a", "dir/b"}
			if !opts.DryRun {
				left = 1
			}
		}
		n, err := s3sink.AbortPending(t.Context(), client, bucket, "", &opts)
		if n != len(want) || err != nil || !slices.Equal(keys, want) || len(server.Uploads(bucket)) != left {
			t.Errorf("%d, %v, %q; %d are left", n, err, keys, len(server.Uploads(bucket)))
		}
	}
}

// Uploads that are not selected are left alone.
func TestAbortPendingSelect(t *testing.T) {
	server, client := newServer(t, nil)
	for _, key := range []string{"dir/a", "dir/b"} {
		begin(t, server, client, key)
	}
	n, err := s3sink.AbortPending(t.Context(), client, bucket, "dir/", &s3sink.AbortPendingOptions{
		OlderThan: time.Hour,
		Select:    func(u s3sink.PendingUpload) bool { return u.Key == "dir/b" && u.ID != "" && !u.Began.IsZero() },
	})
	if left := server.Uploads(bucket); n != 1 || err != nil || len(left) != 1 {
		t.Errorf("%d, %v; %q are left", n, err, left)
	}
}

// TestAbortPendingKeys has keys that XML cannot represent, or that change if they are decoded
// twice.
func TestAbortPendingKeys(t *testing.T) {
	for _, encoded := range []bool{true, false} {
		server, client := newServer(t, nil)
		if !encoded { // the service does not know encoding-type
			server.Fault(s3test.Fault{
				Op: "ListMultipartUploads", Times: always,
				Before: func(r *s3test.Request) *s3test.Reply {
					delete(r.Query, "encoding-type")
					return nil
				},
			})
		}
		b, want := bucket, 0
		for _, key := range []string{"a b", "a+b", "a%20b", "a/ü<&>", "a\x01b", "a\nb"} {
			if !encoded && strings.ContainsRune(key, 1) {
				continue
			}
			if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
				Bucket: &b,
				Key:    &key,
			}); err != nil {
				t.Fatal(err)
			}
			want++
		}
		n, err := s3sink.AbortPending(t.Context(), client, bucket, "a", olderThan(-time.Minute))
		if n != want || err != nil || len(server.Uploads(bucket)) > 0 {
			t.Errorf("encoded %v: %d of %d uploads were aborted, %v", encoded, n, want, err)
		}
	}
}

// TestAbortPendingPages has lists that are endless or invalid.
func TestAbortPendingPages(t *testing.T) {
	const more = "<IsTruncated>true</IsTruncated>"
	for _, tt := range []struct{ name, body string }{
		{"no marker", more},
		{"the same page again", more + "<NextKeyMarker>a</NextKeyMarker><NextUploadIdMarker>b</NextUploadIdMarker>"},
		{"the same key again", more + "<NextKeyMarker>a</NextKeyMarker>"},
		{"no encoding", more + "<EncodingType>url</EncodingType><NextKeyMarker>%zz</NextKeyMarker>"},
		{"an empty reply", ""},
		{"a reply without an end", "<Prefix>" + strings.Repeat("x", 2<<20) + "</Prefix>"},
	} {
		server, client := newServer(t, nil)
		server.Fault(s3test.Fault{Op: "ListMultipartUploads", Times: 20, Before: say("<ListMultipartUploadsResult>" +
			"<Upload><Key>a</Key><UploadId>b</UploadId><Initiated>2020-01-01T00:00:00Z</Initiated></Upload>" + tt.body +
			"</ListMultipartUploadsResult>")})
		n, err := s3sink.AbortPending(t.Context(), client, bucket, "", olderThan(time.Hour))
		if n != 0 || err == nil || server.Count("ListMultipartUploads") > 3 ||
			server.Count("AbortMultipartUpload") > 0 {
			t.Errorf("%s: %d were aborted, %v, after %d lists", tt.name, n, err, server.Count("ListMultipartUploads"))
		}
	}
}

// TestAbortPendingNoList has replies that are not lists. They do not count as an empty list.
func TestAbortPendingNoList(t *testing.T) {
	for _, body := range []string{"", " ", "<html><body>Welcome</body></html>", "<ListMultipartUploadsResult/>"} {
		server, client := newServer(t, nil)
		server.Fault(s3test.Fault{Op: "ListMultipartUploads", Times: always, Before: say(body)})
		if n, err := s3sink.AbortPending(t.Context(), client, bucket, "", olderThan(time.Hour)); n != 0 || err == nil ||
			stream.ClassOf(err) == stream.Unclassified {
			t.Errorf("%q: %d were aborted, %v", body, n, err)
		}
	}
}

// TestAbortPendingUndated has an upload without a date. It causes an error, and the other uploads
// are aborted.
func TestAbortPendingUndated(t *testing.T) {
	server, client := newServer(t, nil)
	b, k := bucket, key
	if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: &b,
		Key:    &k,
	}); err != nil {
		t.Fatal(err)
	}
	server.Fault(s3test.Fault{Op: "ListMultipartUploads", After: func(_ *s3test.Request, r *s3test.Reply) {
		undated := "<Upload><Key>a</Key><UploadId>undated</UploadId></Upload><Upload>"
		r.Body = []byte(strings.Replace(string(r.Body), "<Upload>", undated, 1))
	}})
	n, err := s3sink.AbortPending(t.Context(), client, bucket, "", olderThan(-time.Minute))
	if n != 1 || err == nil || !strings.Contains(err.Error(), "undated") || len(server.Uploads(bucket)) > 0 {
		t.Errorf("%d were aborted, %v", n, err)
	}
}

// TestAbortPendingClock has a service whose clock is a day slow. The age of an upload is measured
// by that clock.
func TestAbortPendingClock(t *testing.T) {
	server, client := newServer(t, nil)
	b, k := bucket, key
	out, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b, Key: &k})
	if err != nil {
		t.Fatal(err)
	}
	server.Age(bucket, *out.UploadId, 24*time.Hour)
	server.Fault(s3test.Fault{Op: "ListMultipartUploads", Times: always, After: func(_ *s3test.Request,
		r *s3test.Reply,
	) {
		r.Header.Set("Date", time.Now().Add(-24*time.Hour).UTC().Format(http.TimeFormat))
	}})
	if n, err := s3sink.AbortPending(t.Context(), client, bucket, "", olderThan(time.Hour)); n != 0 || err != nil {
		t.Errorf("%d uploads that have just begun were aborted, %v", n, err)
	}
	server.Age(bucket, *out.UploadId, 2*time.Hour)
	if n, err := s3sink.AbortPending(t.Context(), client, bucket, "", olderThan(time.Hour)); n != 1 || err != nil {
		t.Errorf("%d were aborted, %v", n, err)
	}
}

// TestAbortPendingCanceled: the error is the cause, whichever request is canceled.
func TestAbortPendingCanceled(t *testing.T) {
	for _, op := range []string{"ListMultipartUploads", "AbortMultipartUpload"} {
		server, client := newServer(t, nil)
		b, k := bucket, key
		if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
			Bucket: &b,
			Key:    &k,
		}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		server.Fault(s3test.Fault{Op: op, Before: func(*s3test.Request) *s3test.Reply {
			cancel(errCause)
			return s3test.Hang(nil)
		}})
		if _, err := s3sink.AbortPending(ctx, client, bucket, "", olderThan(-time.Minute)); !errors.Is(err, errCause) {
			t.Errorf("%s: %v", op, err)
		}
	}
}
