package s3sink_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	n, err := s3sink.AbortPending(t.Context(), client, bucket, "dir/", time.Hour)
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
	n, err = s3sink.AbortPending(t.Context(), client, bucket, "dir/", time.Hour)
	if n != 2 || !coded("AccessDenied")(err) || !strings.Contains(err.Error(), stuck) {
		t.Errorf("%d uploads were aborted, %v", n, err)
	}
}

// TestAbortPendingMinIO: the service takes the prefix for a whole key.
func TestAbortPendingMinIO(t *testing.T) {
	server, client := newServer(t, &s3test.Options{Service: s3test.MinIO})
	for _, key := range []string{"dir/a", "dir/b", "other"} {
		b := bucket
		out, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		server.Age(bucket, *out.UploadId, 2*time.Hour)
	}
	n, err := s3sink.AbortPending(t.Context(), client, bucket, "dir/", time.Hour)
	if n != 2 || err != nil || len(server.Uploads(bucket)) != 1 {
		t.Errorf("%d uploads were aborted, %v; %v are left", n, err, server.Uploads(bucket))
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
		n, err := s3sink.AbortPending(t.Context(), client, bucket, "a", -time.Minute)
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
		n, err := s3sink.AbortPending(t.Context(), client, bucket, "", time.Hour)
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
		if n, err := s3sink.AbortPending(t.Context(), client, bucket, "", time.Hour); n != 0 || err == nil ||
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
	n, err := s3sink.AbortPending(t.Context(), client, bucket, "", -time.Minute)
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
	if n, err := s3sink.AbortPending(t.Context(), client, bucket, "", time.Hour); n != 0 || err != nil {
		t.Errorf("%d uploads that have just begun were aborted, %v", n, err)
	}
	server.Age(bucket, *out.UploadId, 2*time.Hour)
	if n, err := s3sink.AbortPending(t.Context(), client, bucket, "", time.Hour); n != 1 || err != nil {
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
		if _, err := s3sink.AbortPending(ctx, client, bucket, "", -time.Minute); !errors.Is(err, errCause) {
			t.Errorf("%s: %v", op, err)
		}
	}
}
