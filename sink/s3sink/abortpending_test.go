package s3sink_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/sink/s3sink/s3test"
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
	for i := range 1100 { // more than a page
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

// TestAbortPendingKeys has keys that XML cannot hold, or that change when they are decoded once too often.
func TestAbortPendingKeys(t *testing.T) {
	for _, encoded := range []bool{true, false} {
		server, client := newServer(t, nil)
		if !encoded { // the service does not know of it
			server.Fault(s3test.Fault{Op: "ListMultipartUploads", Times: always, Before: func(r *s3test.Request) *s3test.Reply {
				delete(r.Query, "encoding-type")
				return nil
			}})
		}
		b, want := bucket, 0
		for _, key := range []string{"a b", "a+b", "a%20b", "a/ü<&>", "a\x01b", "a\nb"} {
			if !encoded && strings.ContainsRune(key, 1) {
				continue
			}
			if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b, Key: &key}); err != nil {
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

// TestAbortPendingPages has lists that go on for ever, or are nonsense.
func TestAbortPendingPages(t *testing.T) {
	const more = "<IsTruncated>true</IsTruncated>"
	for _, tt := range []struct{ name, body string }{
		{"no marker", more},
		{"the same page again", more + "<NextKeyMarker>a</NextKeyMarker><NextUploadIdMarker>b</NextUploadIdMarker>"},
		{"the same key again", more + "<NextKeyMarker>a</NextKeyMarker>"},
		{"no encoding", more + "<EncodingType>url</EncodingType><NextKeyMarker>%zz</NextKeyMarker>"},
		{"a reply without an end", "<Prefix>" + strings.Repeat("x", 2<<20) + "</Prefix>"},
	} {
		server, client := newServer(t, nil)
		server.Fault(s3test.Fault{Op: "ListMultipartUploads", Times: 20, Before: say("<ListMultipartUploadsResult>" +
			"<Upload><Key>a</Key><UploadId>b</UploadId><Initiated>2020-01-01T00:00:00Z</Initiated></Upload>" + tt.body + "</ListMultipartUploadsResult>")})
		n, err := s3sink.AbortPending(t.Context(), client, bucket, "", time.Hour)
		if n != 0 || err == nil || server.Count("ListMultipartUploads") > 3 || server.Count("AbortMultipartUpload") > 0 {
			t.Errorf("%s: %d were aborted, %v, after %d lists", tt.name, n, err, server.Count("ListMultipartUploads"))
		}
	}
}
