package s3store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// operations runs each operation of a store, and returns its error.
func operations(ctx context.Context, s *s3store.Store) map[string]error {
	_, put := stream.Run(ctx, source.Of([]byte("x")), s.Put("a/b", nil))
	_, get := stream.Run(ctx, s.Get("a/b", nil), sink.Discard[[]byte]())
	_, list := stream.Run(ctx, s.List(""), sink.Discard[backup.Object]())
	_, del := stream.Run(ctx, source.Of("a/b"), s.Delete())
	_, sweep := s.Sweep(ctx, nil)
	return map[string]error{
		"Put": put, "Get": get, "List": list, "Delete": del, "Sweep": sweep, "Check": s.Check(ctx),
		"Hold": s.Hold(ctx, "a/b", time.Now().Add(time.Hour)),
	}
}

// Wrong settings are an error of every operation, before a request.
func TestSettings(t *testing.T) {
	server, client := newServer(t, nil)
	soon := time.Now().Add(time.Hour)
	for name, s := range map[string]*s3store.Store{
		"no client":   s3store.New(nil, bucket, "", nil),
		"no bucket":   s3store.New(client, "", "", nil),
		"prefix /":    s3store.New(client, bucket, "/", nil),
		"prefix /a":   s3store.New(client, bucket, "/a", nil),
		"prefix a//b": s3store.New(client, bucket, "a//b", nil),
		"prefix ..":   s3store.New(client, bucket, "a/../b", nil),
		"a control":   s3store.New(client, bucket, "a\nb", nil),
		"not UTF-8":   s3store.New(client, bucket, "a\xff", nil),
		"too long":    s3store.New(client, bucket, string(bytes.Repeat([]byte("a"), 301)), nil),
		"lock mode":   s3store.New(client, bucket, "", &s3store.Options{LockMode: "LEGAL"}),
		"a lock": s3store.New(client, bucket, "", &s3store.Options{
			Upload: s3sink.UploadOptions{LockMode: s3sink.Compliance, LockUntil: soon},
		}),
		"resume": s3store.New(client, bucket, "", &s3store.Options{
			Upload: s3sink.UploadOptions{Resume: &s3sink.Checkpoint{}},
		}),
		"keep":   s3store.New(client, bucket, "", &s3store.Options{Upload: s3sink.UploadOptions{KeepUpload: true}}),
		"offset": s3store.New(client, bucket, "", &s3store.Options{Download: s3source.DownloadOptions{Offset: 1}}),
		"customer key": s3store.New(client, bucket, "", &s3store.Options{
			Upload: s3sink.UploadOptions{CustomerKey: make([]byte, 32)},
		}),
		"version": s3store.New(client, bucket, "",
			&s3store.Options{Download: s3source.DownloadOptions{VersionID: "v"}}),
	} {
		for operation, err := range operations(t.Context(), s) {
			if stream.ClassOf(err) != stream.Fatal {
				t.Errorf("%s: %s: %v", name, operation, err)
			}
		}
	}
	if n := len(server.Requests()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// A bucket that does not exist is not a bucket without the object.
func TestMissingBucket(t *testing.T) {
	_, client := newServer(t, nil)
	for _, parallelism := range []int{1, 3} {
		s := s3store.New(client, "backup", "", &s3store.Options{
			Download: s3source.DownloadOptions{Parallelism: parallelism},
		})
		for operation, err := range operations(t.Context(), s) {
			if err == nil || errors.Is(err, backup.ErrNotFound) || stream.ClassOf(err) != stream.Fatal {
				t.Errorf("%s: %v", operation, err)
			}
		}
	}
}

// Objects of others are neither listed nor swept.
func TestForeignObjects(t *testing.T) {
	server, client := newServer(t, nil)
	for _, key := range []string{"README", "shop2/a", "shop/README", "shop/.hidden/a", "shop/a//b", "shop/a b"} {
		server.Put(bucket, key, nil)
		if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
			Bucket: new(bucket), Key: &key,
		}); err != nil {
			t.Fatal(err)
		}
	}
	s := s3store.New(client, bucket, "shop", nil)
	objects, err := stream.Run(t.Context(), s.List(""), sink.Slice[backup.Object]())
	if err != nil || len(objects) > 0 {
		t.Errorf("listed: %v, %v", objects, err)
	}
	if n, err := s.Sweep(t.Context(), &backup.SweepOptions{Before: time.Now().Add(time.Hour)}); n != 0 || err != nil {
		t.Errorf("%d swept, %v", n, err)
	}
}

// Sweep aborts what a killed Put leaves, and only that.
func TestSweep(t *testing.T) {
	server, client := newServer(t, nil)
	s := s3store.New(client, bucket, "shop", nil)
	key := "shop/data/a.b"
	out, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: new(bucket),
		Key:    &key,
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Age(bucket, *out.UploadId, 24*time.Hour)
	probe, err := client.CreateMultipartUpload(t.Context(), // of a Check that was killed
		&s3.CreateMultipartUploadInput{Bucket: new(bucket), Key: new("shop/.probe")})
	if err != nil {
		t.Fatal(err)
	}
	server.Age(bucket, *probe.UploadId, 10*24*time.Hour)
	yesterday := time.Now().Add(-12 * time.Hour)
	for i, step := range []struct {
		opts backup.SweepOptions
		n    int64
	}{
		{backup.SweepOptions{}, 1}, // the probe, as the other is not a week old
		{backup.SweepOptions{Before: yesterday, DryRun: true}, 1},
		{backup.SweepOptions{Before: yesterday}, 1},
		{backup.SweepOptions{Before: time.Now().Add(time.Hour)}, 0},
	} {
		var seen []backup.Unfinished
		step.opts.OnUnfinished = func(u backup.Unfinished) { seen = append(seen, u) }
		n, err := s.Sweep(t.Context(), &step.opts)
		if err != nil || n != step.n || len(seen) != int(n) || i > 0 && n > 0 &&
			(seen[0].Key != "data/a.b" || seen[0].Size != -1) {
			t.Errorf("%+v: %d, %v, %v", step.opts, n, seen, err)
		}
	}
	if left := server.Uploads(bucket); len(left) > 0 {
		t.Errorf("%d uploads are left", len(left))
	}
}

// Another writer was faster, but the service has not decided yet.
func TestConflict(t *testing.T) {
	for stored, want := range map[bool]error{true: backup.ErrExists, false: s3sink.ErrConflict} {
		server, client := newServer(t, nil)
		conflict := s3test.Fail(409, "ConditionalRequestConflict")
		server.Fault(s3test.Fault{Op: "PutObject", Times: -1, Before: func(r *s3test.Request) *s3test.Reply {
			if stored {
				server.Put(bucket, "a", []byte("another's"))
			}
			return conflict(r)
		}})
		s := s3store.New(client, bucket, "", nil)
		_, err := stream.Run(t.Context(), source.Of([]byte("x")), s.Put("a", nil))
		if !errors.Is(err, want) || (stream.ClassOf(err) == stream.Fatal) != stored {
			t.Errorf("%v of the class %v, want %v", err, stream.ClassOf(err), want)
		}
	}
}

// A service that lists in another order cannot be used.
func TestListOrder(t *testing.T) {
	server, client := newServer(t, nil)
	server.Put(bucket, "a", nil)
	server.Put(bucket, "b", nil)
	server.Fault(s3test.Fault{Op: "ListObjectsV2", Times: -1, After: func(_ *s3test.Request, r *s3test.Reply) {
		r.Body = bytes.ReplaceAll(r.Body, []byte("<Key>a<"), []byte("<Key>c<"))
	}})
	s := s3store.New(client, bucket, "", nil)
	_, err := stream.Run(t.Context(), s.List(""), sink.Discard[backup.Object]())
	if !errors.Is(err, backup.ErrListOrder) {
		t.Error(err)
	}
	if err := s.Check(t.Context()); !errors.Is(err, backup.ErrListOrder) {
		t.Error(err)
	}
}

// The parts of all objects share the budget of the context.
func TestBudget(t *testing.T) {
	_, client := newServer(t, nil)
	s := s3store.New(client, bucket, "", nil)
	budget := stream.NewBudget(24 << 20)
	keys := stream.Via(source.Range(0, 6, 1), stream.Map(func(i int) string { return fmt.Sprint("a/", i) }))
	put := sink.ForEachParallel(3, func(ctx context.Context, key string) error {
		body := stream.Map(func(int) []byte { return make([]byte, 1<<20) })
		_, err := stream.Run(ctx, stream.Via(source.Range(0, 20, 1), body), s.Put(key, nil))
		if used := budget.Used(); used > budget.Size() {
			t.Errorf("%d bytes of %d are used", used, budget.Size())
		}
		return err
	})
	_, err := stream.Run(stream.WithBudget(t.Context(), budget), keys, put)
	if used := budget.Used(); err != nil || used != 0 {
		t.Errorf("%v, %d bytes are still used", err, used)
	}
	_, err = stream.Run(stream.WithBudget(t.Context(), stream.NewBudget(1<<20)), source.Of([]byte("x")),
		s.Put("b", nil))
	if stream.ClassOf(err) != stream.Fatal {
		t.Errorf("a budget below one part: %v", err)
	}
}

// What is deleted is gone, with all of its versions and markers.
func TestDeleteVersions(t *testing.T) {
	server, client := newServer(t, &s3test.Options{Versioned: true})
	s := s3store.New(client, bucket, "shop", nil)
	server.Put(bucket, "shop/a", []byte("first"))
	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{
		Bucket: new(bucket),
		Key:    new("shop/a"),
	}); err != nil {
		t.Fatal(err)
	}
	for range 30 { // more than a page
		server.Put(bucket, "shop/a", []byte("again"))
	}
	server.Put(bucket, "shop/a/b", nil)
	server.Put(bucket, "shop/ab", nil)
	n, err := stream.Run(t.Context(), source.Of("a", "none"), s.Delete())
	if left := server.Versions(bucket, "shop/a"); n != 2 || err != nil || len(left) > 0 {
		t.Errorf("%d, %v, %d versions are left", n, err, len(left))
	}
	objects, err := stream.Run(t.Context(), s.List(""), sink.Slice[backup.Object]())
	keys := slices.Collect(func(yield func(string) bool) {
		for _, o := range objects {
			yield(o.Key)
		}
	})
	if want := []string{"a/b", "ab"}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("%q, %v", keys, err)
	}
	server.Fault(s3test.Fault{Op: "ListObjectVersions", Times: -1, After: func(_ *s3test.Request, r *s3test.Reply) {
		r.Body = bytes.ReplaceAll(r.Body, []byte("VersionId>"), []byte("Generation>"))
	}})
	if _, err := stream.Run(t.Context(), source.Of("ab"), s.Delete()); !errors.Is(err, s3store.ErrVersions) {
		t.Error(err)
	}
	server.Fault(s3test.Fault{Op: "GetBucketVersioning", Before: s3test.Fail(403, "AccessDenied")})
	if _, err := stream.Run(t.Context(), source.Of("ab"), s.Delete()); stream.ClassOf(err) != stream.Fatal {
		t.Error(err)
	}
	if left := server.Versions(bucket, "shop/ab"); len(left) != 1 {
		t.Errorf("%d versions", len(left))
	}
}

// What other stages say about objects of S3 is not about the store's object.
func TestOthersErrors(t *testing.T) {
	_, client := newServer(t, nil)
	s := s3store.New(client, bucket, "", nil)
	if _, err := stream.Run(t.Context(), source.Of([]byte("x")), s.Put("a", nil)); err != nil {
		t.Fatal(err)
	}
	err := s.Get("a", nil).Each(t.Context(), func([]byte) error { return s3source.ErrNotFound })
	if errors.Is(err, backup.ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	_, err = stream.Run(t.Context(), stream.Fail[[]byte](s3sink.ErrExists), s.Put("b", nil))
	if errors.Is(err, backup.ErrExists) {
		t.Errorf("Put: %v", err)
	}
}

// TestOtherReplies: an empty reply, or the page of a proxy, does not say that a bucket has no
// versions. Only delete markers would be added.
func TestOtherReplies(t *testing.T) {
	for name, body := range map[string]string{
		"empty": "", "a page": "<!doctype html><html><body>Log in</body></html>", "text": "OK", "another": "<Tagging/>",
	} {
		server, client := newServer(t, &s3test.Options{Versioned: true, ObjectLock: true})
		server.Put(bucket, "a", []byte("x"))
		reply := func(*s3test.Request) *s3test.Reply { return &s3test.Reply{Body: []byte(body)} }
		server.Fault(s3test.Fault{Op: "GetBucketVersioning", Times: 4, Before: reply})
		server.Fault(s3test.Fault{Op: "GetObjectLockConfiguration", Times: 4, Before: reply})
		s := s3store.New(client, bucket, "", &s3store.Options{RetryTimeout: -1, LockMode: s3sink.Governance})
		if _, err := stream.Run(t.Context(), source.Of("a"), s.Delete()); stream.ClassOf(err) != stream.Retryable {
			t.Errorf("%s: Delete: %v", name, err)
		}
		if n := len(server.Versions(bucket, "a")); n != 1 {
			t.Errorf("%s: the object has %d versions and markers", name, n)
		}
		if err := s.Check(t.Context()); stream.ClassOf(err) != stream.Retryable || errors.Is(err, backup.ErrNoHold) {
			t.Errorf("%s: Check: %v", name, err)
		}
		s = s3store.New(client, bucket, "", &s3store.Options{LockMode: s3sink.Governance}) // it passes
		if err := s.Check(t.Context()); err != nil {
			t.Errorf("%s: Check: %v", name, err)
		}
		n, err := stream.Run(t.Context(), source.Of("a"), s.Delete())
		if left := server.Versions(bucket, "a"); n != 1 || err != nil || len(left) > 0 {
			t.Errorf("%s: %v, %d versions are left", name, err, len(left))
		}
	}
}
