package s3source_test

import (
	"bytes"
	"errors"
	"slices"
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

// TestSizesAfterMismatch: the checksum differs, and the HEADs that find out whether the parts have
// equal sizes fail. They have one RetryTimeout, not one each.
func TestSizesAfterMismatch(t *testing.T) {
	const timeout = 5 * time.Minute
	equal := slices.Repeat([]int{10}, 120)
	unequal := slices.Concat([]int{10, 9, 11}, equal[3:])
	for name, tt := range map[string]struct {
		sizes  []int
		outage func() time.Duration // before each good reply
		want   error
	}{
		"busy for a while":        {unequal, once(timeout / 2), s3source.ErrNotVerifiable},
		"busy forever":            {equal, forever(1000 * time.Hour), s3source.ErrChecksum},
		"busy before each answer": {equal, forever(timeout - 10*time.Second), s3source.ErrChecksum},
		"not busy":                {equal, forever(0), s3source.ErrChecksum},
	} {
		bubble(t, name, func(t *testing.T) {
			server, client := oneConnection(t)
			written{algorithm: "SHA256", parts: tt.sizes}.store(t, client, random(1200))
			if tt.want == s3source.ErrChecksum { //nolint:errorlint // it is one of the table's
				server.Fault(s3test.Fault{Op: "GetObject", Times: always, After: flip})
			}
			// The first two are for the first and the last part, before the first byte.
			server.Fault(s3test.Fault{Op: "HeadObject", Skip: 2, Times: always, Before: outages(tt.outage)})
			begin := time.Now()
			got, err := read(t.Context(), s3source.Download(client, bucket, key, nil))
			took, heads := time.Since(begin), server.Count("HeadObject")
			if len(got) != 1200 || !errors.Is(err, tt.want) || took > timeout+time.Second {
				t.Errorf("%d bytes, %v after %v", len(got), err, took)
			}
			if name == "not busy" && heads > 2+100 {
				t.Errorf("%d HEADs", heads)
			}
		})
	}
}

// bubble runs f as a subtest with a fake clock.
func bubble(t *testing.T, name string, f func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// outages rejects requests as a busy service does. next is how long, from the first call and after
// each request that is not rejected.
func outages(next func() time.Duration) func(*s3test.Request) *s3test.Reply {
	var end time.Time
	return func(r *s3test.Request) *s3test.Reply {
		if end.IsZero() {
			end = time.Now().Add(next())
		}
		if time.Now().Before(end) {
			return s3test.Fail(503, "SlowDown")(r)
		}
		end = time.Time{}
		return nil
	}
}

// forever returns a function that always returns d.
func forever(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// once returns a function that returns d, and then 0.
func once(d time.Duration) func() time.Duration {
	return func() time.Duration {
		was := d
		d = 0
		return was
	}
}
