package s3source_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestSizesOfAllParts: the sizes of all parts are asked for, because the replies have no ETag. If
// the service is busy, only the request that failed is repeated, for RetryTimeout.
func TestSizesOfAllParts(t *testing.T) {
	for _, busy := range []int{5, always} {
		synctest.Test(t, func(t *testing.T) {
			server, client := oneConnection(t)
			data := random(1000)
			written{algorithm: "SHA256", parts: []int{300, 200, 450, 50}}.store(t, client, data)
			server.Fault(s3test.Fault{Op: "GetObject", Times: always, After: untagged})
			server.Fault(s3test.Fault{Op: "HeadObject", Part: 3, Times: busy, Before: s3test.Fail(503, "SlowDown")})
			begin := time.Now()
			got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
				RetryTimeout: time.Minute, Verify: s3source.VerifyRequired,
				OnRetry: func(err error, _ time.Duration) {
					if !strings.HasPrefix(err.Error(), "s3source: get "+bucket+"/"+key) {
						t.Errorf("retry after %v", err)
					}
				},
			}))
			if busy != always && (err != nil || !bytes.Equal(got, data)) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			took := time.Since(begin)
			if busy == always && (stream.ClassOf(err) != stream.Throttled || took > 90*time.Second) {
				t.Errorf("%d bytes, %v after %v", len(got), err, took)
			}
			first := 0
			for _, r := range server.Requests() {
				if r.Op == "HeadObject" && r.Part == 1 {
					first++
				}
			}
			if first != 1 {
				t.Errorf("the size of part 1 was asked for %d times", first)
			}
		})
	}
}
