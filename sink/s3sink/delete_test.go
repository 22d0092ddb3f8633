package s3sink_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// ids returns the ids of current objects.
func ids(keys ...string) []s3sink.ObjectID {
	var all []s3sink.ObjectID
	for _, k := range keys {
		all = append(all, s3sink.ObjectID{Key: k})
	}
	return all
}

// oddKeys are keys that XML escapes or cannot represent.
var oddKeys = []string{"a", "a b/c", `<&>'"`, "line\nbreak", "nul\x01", "\r", "ž😀", "\ufffe", strings.Repeat("é", 512)}

// TestDelete deletes objects from every service, with batches of every size.
func TestDelete(t *testing.T) {
	for _, service := range s3test.Services() {
		for _, size := range []int{0, 1, 2, 3} {
			server, client := newServer(t, &s3test.Options{Service: service})
			if service == s3test.GoogleCloud {
				o := client.Options()
				o.Credentials = aws.AnonymousCredentials{} // a signature covers Accept-Encoding
				client = s3.New(o)
			}
			for _, k := range oddKeys {
				server.Put(bucket, k, nil)
			}
			server.Put(bucket, "kept", nil)
			got, err := stream.Run(t.Context(), source.Slice(ids(append(oddKeys, "none", "a")...)),
				s3sink.Delete(client, bucket, &s3sink.DeleteOptions{BatchSize: size}))
			if err != nil || got.Deleted != int64(len(oddKeys)+2) || got.Failed != 0 {
				t.Errorf("%v, by %d: %+v, %v", service, size, got, err)
			}
			for _, k := range oddKeys {
				if server.Object(bucket, k) != nil {
					t.Errorf("%v, by %d: %q is still there", service, size, k)
				}
			}
			if server.Object(bucket, "kept") == nil {
				t.Errorf("%v, by %d: another object is gone", service, size)
			}
		}
	}
}

// TestDeleteMany deletes more objects than one request can have, with the longest keys.
func TestDeleteMany(t *testing.T) {
	server, client := newServer(t, nil)
	var keys []string
	for i := range 2500 {
		k := fmt.Sprintf("%04d%s", i, strings.Repeat("&", 1+1019*(i%2)))
		keys = append(keys, k)
		server.Put(bucket, k, nil)
	}
	got, err := stream.Run(t.Context(), source.Slice(ids(keys...)), s3sink.Delete(client, bucket, nil))
	if err != nil || got.Deleted != 2500 || server.Object(bucket, keys[1]) != nil ||
		server.Object(bucket, keys[2499]) != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestDeleteVersions deletes versions. Some are locked.
func TestDeleteVersions(t *testing.T) {
	server, client := newServer(t, &s3test.Options{ObjectLock: true})
	first, second := server.Put(bucket, key, nil).VersionID, server.Put(bucket, key, nil).VersionID
	until := time.Now().Add(time.Hour)
	locked, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(key), ObjectLockMode: "GOVERNANCE",
		ObjectLockRetainUntilDate: &until,
		ChecksumAlgorithm:         "CRC32",
	})
	if err != nil {
		t.Fatal(err)
	}
	versions := []s3sink.ObjectID{{Key: key, VersionID: first}, {Key: key, VersionID: *locked.VersionId}}
	got, err := stream.Run(t.Context(), source.Slice(versions), s3sink.Delete(client, bucket, nil))
	var refused *s3sink.DeleteError
	if !errors.As(err, &refused) || refused.Code != "AccessDenied" || refused.ID != versions[1] ||
		stream.ClassOf(err) != stream.Fatal || got.Deleted != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = stream.Run(t.Context(), source.Slice(versions), s3sink.Delete(client, bucket, &s3sink.DeleteOptions{
		OnError: func(id s3sink.ObjectID, _ error) error {
			if id != versions[1] {
				t.Errorf("%+v is reported", id)
			}
			return nil
		},
	}))
	if err != nil || got != (s3sink.DeleteResult{Deleted: 1, Failed: 1}) {
		t.Errorf("going on: %+v, %v", got, err)
	}
	got, err = stream.Run(t.Context(), source.Slice(versions),
		s3sink.Delete(client, bucket, &s3sink.DeleteOptions{BypassGovernance: true}))
	if err != nil || got.Deleted != 2 || len(server.Versions(bucket, key)) != 1 ||
		server.Versions(bucket, key)[0].VersionID != second {
		t.Errorf("with the right: %+v, %v", got, err)
	}
}

// TestDeleteFaults has requests that fail for a while or forever, and replies that say too little.
func TestDeleteFaults(t *testing.T) {
	result := func(rest string) func(*s3test.Request, *s3test.Reply) {
		return s3test.Say("<DeleteResult>" + rest + "</DeleteResult>")
	}
	slow := "<Error><Key>a</Key><Code>SlowDown</Code></Error><Deleted><Key>b</Key></Deleted>"
	for name, tt := range map[string]struct {
		fault s3test.Fault
		opts  s3sink.DeleteOptions
		want  stream.Class // of the error; Unclassified for none
	}{
		"500 for a while": {
			s3test.Fault{Times: 5, Before: s3test.Fail(500, "InternalError")},
			s3sink.DeleteOptions{},
			0,
		},
		"lost":            {s3test.Fault{Times: 4, After: s3test.Lose}, s3sink.DeleteOptions{}, 0},
		"empty":           {s3test.Fault{After: s3test.Say("")}, s3sink.DeleteOptions{}, 0},
		"HTML":            {s3test.Fault{After: s3test.Say("<html></html>")}, s3sink.DeleteOptions{}, 0},
		"one is missing":  {s3test.Fault{After: result("<Deleted><Key>a</Key></Deleted>")}, s3sink.DeleteOptions{}, 0},
		"slow down":       {s3test.Fault{Times: 3, After: result(slow)}, s3sink.DeleteOptions{}, 0},
		"not implemented": {s3test.Fault{Before: s3test.Fail(501, "NotImplemented")}, s3sink.DeleteOptions{}, 0},
		"403": {
			s3test.Fault{Before: s3test.Fail(403, "AccessDenied")},
			s3sink.DeleteOptions{},
			stream.Fatal,
		},
		"empty always": {
			s3test.Fault{Times: -1, After: s3test.Say("")},
			s3sink.DeleteOptions{RetryTimeout: -1},
			stream.Retryable,
		},
		"slow down always": {
			s3test.Fault{Times: -1, After: result(slow)},
			s3sink.DeleteOptions{RetryTimeout: -1},
			stream.Throttled,
		},
	} {
		server, client := newServer(t, nil)
		server.Put(bucket, "a", nil)
		server.Put(bucket, "b", nil)
		tt.fault.Op = "DeleteObjects"
		server.Fault(tt.fault)
		got, err := stream.Run(t.Context(), source.Slice(ids("a", "b")), s3sink.Delete(client, bucket, &tt.opts))
		if class := stream.ClassOf(err); class != tt.want {
			t.Errorf("%s: %+v, %v is %v", name, got, err, class)
		}
		if err == nil && (got.Deleted != 2 || server.Object(bucket, "a") != nil || server.Object(bucket, "b") != nil) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestDeleteSettings(t *testing.T) {
	server, client := newServer(t, nil)
	for name, s := range map[string]stream.Sink[s3sink.ObjectID, s3sink.DeleteResult]{
		"nil client": s3sink.Delete(nil, bucket, nil),
		"no bucket":  s3sink.Delete(client, "", nil),
		"batch":      s3sink.Delete(client, bucket, &s3sink.DeleteOptions{BatchSize: 1001}),
		"no batch":   s3sink.Delete(client, bucket, &s3sink.DeleteOptions{BatchSize: -1}),
	} {
		if _, err := stream.Run(t.Context(), source.Slice(ids("a")), s); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, k := range []string{"", "\xff", strings.Repeat("k", 1025)} {
		_, err := stream.Run(t.Context(), source.Slice(ids(k)), s3sink.Delete(client, bucket, nil))
		var bad *s3sink.DeleteError
		if !errors.As(err, &bad) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%q: %v", k, err)
		}
	}
	if n := len(server.Requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
}

func TestDeleteConformance(t *testing.T) {
	_, client := newServer(t, nil)
	streamtest.TestSink(t, streamtest.Sink[s3sink.ObjectID, s3sink.DeleteResult]{
		New: func() stream.Sink[s3sink.ObjectID, s3sink.DeleteResult] {
			return s3sink.Delete(client, bucket, &s3sink.DeleteOptions{BatchSize: 3})
		},
		In: func(i int) s3sink.ObjectID { return s3sink.ObjectID{Key: fmt.Sprint(i)} },
		Want: func(t *testing.T, in []s3sink.ObjectID, got s3sink.DeleteResult) {
			if got.Deleted != int64(len(in)) {
				t.Errorf("%d of %d objects were deleted", got.Deleted, len(in))
			}
		},
		Stalled: func() stream.Sink[s3sink.ObjectID, s3sink.DeleteResult] {
			server, client := newServer(t, nil)
			server.Fault(s3test.Fault{Times: -1, Before: s3test.Hang})
			return s3sink.Delete(client, bucket, &s3sink.DeleteOptions{BatchSize: 1})
		},
		RealIO: true,
		Idle:   []string{"net/http.", "internal/poll.", "net."},
	})
}

func ExampleDelete() {
	server := s3test.New(nil) // in production: s3.NewFromConfig(cfg)
	defer server.Close()
	server.CreateBucket("backups")
	server.Put("backups", "old.gz", nil)
	client := s3.New(s3.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1", UsePathStyle: true, Credentials: aws.AnonymousCredentials{},
	})
	result, err := stream.Run(context.Background(),
		source.Of(s3sink.ObjectID{Key: "old.gz"}, s3sink.ObjectID{Key: "older.gz"}),
		s3sink.Delete(client, "backups", nil))
	fmt.Println(result.Deleted, err)
	// Output: 2 <nil>
}

// A service whose replies never name the objects is asked three times, whatever the time for
// retries. Once is a proxy's.
func TestDeleteUnconfirmed(t *testing.T) {
	for _, times := range []int{1, always} {
		server, client := newServer(t, nil)
		server.Fault(s3test.Fault{Op: "DeleteObjects", Times: times, Before: say("<DeleteResult></DeleteResult>")})
		got, err := stream.Run(t.Context(), source.Slice(ids("a", "b")), s3sink.Delete(client, bucket, nil))
		switch requests := server.Count("DeleteObjects"); {
		case times == 1 && (err != nil || got.Deleted != 2 || requests != 2):
			t.Errorf("once: %+v, %v after %d requests", got, err, requests)
		case times == always && (stream.ClassOf(err) != stream.Fatal || requests != 3):
			t.Errorf("always: %v of the class %v, after %d requests", err, stream.ClassOf(err), requests)
		}
	}
}
