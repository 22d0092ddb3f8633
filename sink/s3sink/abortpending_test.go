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
