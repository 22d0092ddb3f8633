package s3sink_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// deleteVersion tries to delete a version, and returns the error code.
func deleteVersion(t *testing.T, client *s3.Client, version string) string {
	t.Helper()
	_, err := stream.Run(t.Context(), source.Of(s3sink.ObjectID{Key: key, VersionID: version}),
		s3sink.Delete(client, bucket, nil))
	var refused *s3sink.DeleteError
	if errors.As(err, &refused) {
		return refused.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// A locked object cannot be deleted, whether it was stored by one request or in parts.
func TestUploadLocked(t *testing.T) {
	until := time.Now().Add(time.Hour)
	for _, size := range []int{0, 10, 1000} {
		for _, checksum := range []s3sink.Checksum{s3sink.ChecksumAuto, s3sink.ChecksumNone} {
			for _, opts := range []s3sink.UploadOptions{
				{LockMode: s3sink.Governance, LockUntil: until},
				{LockMode: s3sink.Compliance, LockUntil: until},
				{LegalHold: true},
				{LockMode: s3sink.Compliance, LockUntil: until, LegalHold: true},
				{},
			} {
				_, client := newServer(t, &s3test.Options{MinPartSize: -1, ObjectLock: true})
				opts.Checksum = checksum
				object, err := stream.Run(t.Context(), source.Slice(cut(random(size), 50)),
					s3sink.UploadWithin(100, client, bucket, key, small(opts)))
				if err != nil {
					t.Errorf("%d bytes, %+v: %v", size, opts, err)
					continue
				}
				want := "AccessDenied"
				if opts.LockMode == "" && !opts.LegalHold {
					want = ""
				}
				if code := deleteVersion(t, client, object.VersionID); code != want {
					t.Errorf("%d bytes, %+v: the deletion ended with %q, want %q", size, opts, code, want)
				}
			}
		}
	}
}

// cut returns p in chunks of n bytes.
func cut(p []byte, n int) [][]byte {
	var all [][]byte
	for len(p) > n {
		all, p = append(all, p[:n]), p[n:]
	}
	if len(p) > 0 {
		all = append(all, p)
	}
	return all
}

// A lock that the service does not have, ignores or hides is an error.
func TestUploadNotLocked(t *testing.T) {
	until := time.Now().Add(time.Hour)
	forget := func(r *s3test.Request) *s3test.Reply { // ignores Object Lock
		for name := range r.Header {
			if len(name) > 18 && name[:18] == "X-Amz-Object-Lock-" {
				r.Header.Del(name)
			}
		}
		return nil
	}
	hide := func(_ *s3test.Request, r *s3test.Reply) {
		for name := range r.Header {
			if len(name) > 18 && name[:18] == "X-Amz-Object-Lock-" {
				r.Header.Del(name)
			}
		}
	}
	for name, test := range map[string]struct {
		lock   bool
		faults []s3test.Fault
		want   error
		stored bool
	}{
		"no Object Lock": {false, nil, s3sink.ErrNoObjectLock, false},
		"ignored": {true, []s3test.Fault{
			{Op: "PutObject", Times: always, Before: forget},
			{Op: "CreateMultipartUpload", Times: always, Before: forget},
		}, s3sink.ErrNotLocked, true},
		"hidden": {true, []s3test.Fault{{Op: "HeadObject", Times: always, After: hide}}, s3sink.ErrNotLocked, true},
		"no right to read": {true, []s3test.Fault{
			{Op: "HeadObject", Times: always, Before: s3test.Fail(http.StatusForbidden, "AccessDenied")},
		}, s3sink.ErrNotLocked, true},
		"not implemented": {true, []s3test.Fault{
			{Op: "PutObject", Times: always, Before: s3test.Fail(http.StatusNotImplemented, "NotImplemented")},
			{Op: "CreateMultipartUpload", Times: always, Before: s3test.Fail(http.StatusNotImplemented,
				"NotImplemented")},
		}, s3sink.ErrNoObjectLock, false},
	} {
		for _, size := range []int{10, 1000} {
			for _, opts := range []s3sink.UploadOptions{
				{LockMode: s3sink.Governance, LockUntil: until, Checksum: s3sink.ChecksumCRC32}, {LegalHold: true},
			} {
				server, client := newServer(t, &s3test.Options{MinPartSize: -1, ObjectLock: test.lock})
				for _, f := range test.faults {
					server.Fault(f)
				}
				_, err := stream.Run(t.Context(), source.Of(random(size)), s3sink.UploadWithin(100, client, bucket, key,
					small(opts)))
				if !errors.Is(err, test.want) || stream.ClassOf(err) != stream.Fatal {
					t.Errorf("%s, %d bytes, %v: %v of the class %v", name, size, opts.Checksum, err,
						stream.ClassOf(err))
				}
				if stored := server.Object(bucket, key) != nil; stored != test.stored ||
					len(server.Uploads(bucket)) > 0 {
					t.Errorf("%s, %d bytes: stored %v, uploads %v", name, size, stored, server.Uploads(bucket))
				}
			}
		}
	}
}

// Without the right to read a version, the lock of the current object is looked at.
func TestUploadLockedVersionUnreadable(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		server, client := newServer(t, &s3test.Options{MinPartSize: -1, ObjectLock: true})
		server.Fault(s3test.Fault{Op: "HeadObject", Times: always, Before: func(r *s3test.Request) *s3test.Reply {
			if replaced && len(r.Query["versionId"]) > 0 {
				server.Put(bucket, key, []byte("another"))
			}
			if len(r.Query["versionId"]) > 0 {
				return s3test.Fail(http.StatusForbidden, "AccessDenied")(r)
			}
			return nil
		}})
		_, err := stream.Run(t.Context(), source.Of(random(10)), s3sink.UploadWithin(100, client, bucket, key,
			small(s3sink.UploadOptions{LegalHold: true})))
		if replaced != errors.Is(err, s3sink.ErrNotLocked) || !replaced && err != nil {
			t.Errorf("replaced %v: %v", replaced, err)
		}
	}
}

func TestLockSettings(t *testing.T) {
	_, client := newServer(t, nil)
	until := time.Now().Add(time.Hour)
	for _, opts := range []s3sink.UploadOptions{
		{LockMode: "governance", LockUntil: until},
		{LockMode: s3sink.Governance},
		{LockUntil: until},
		{LockMode: s3sink.Compliance, LockUntil: time.Now().Add(-time.Second)},
	} {
		_, err := stream.Run(t.Context(), source.Empty[[]byte](), s3sink.Upload(client, bucket, key, &opts))
		if stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%+v: %v", opts, err)
		}
	}
	id := s3sink.ObjectID{Key: key}
	for _, opts := range []*s3sink.LockOptions{
		nil,
		{},
		{Mode: s3sink.Governance},
		{Until: until},
		{Hold: 3},
		{Hold: -1},
		{Mode: "x", Until: until},
		{Mode: s3sink.Governance, Until: time.Unix(1, 0)},
	} {
		if err := s3sink.Lock(t.Context(), client, bucket, id, opts); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%+v: %v", opts, err)
		}
	}
	good := &s3sink.LockOptions{Hold: s3sink.SetHold}
	for name, err := range map[string]error{
		"client": s3sink.Lock(t.Context(), nil, bucket, id, good),
		"bucket": s3sink.Lock(t.Context(), client, "", id, good),
		"key":    s3sink.Lock(t.Context(), client, bucket, s3sink.ObjectID{}, good),
	} {
		if stream.ClassOf(err) != stream.Fatal {
			t.Errorf("no %s: %v", name, err)
		}
	}
}

// An object can be locked after it was stored, for longer, and unlocked if the mode allows it.
func TestLock(t *testing.T) {
	hour, day := time.Now().Add(time.Hour), time.Now().Add(24*time.Hour)
	server, client := newServer(t, &s3test.Options{ObjectLock: true})
	object, err := stream.Run(t.Context(), source.Of(random(10)), s3sink.Upload(client, bucket, key, nil))
	if err != nil {
		t.Fatal(err)
	}
	id := s3sink.ObjectID{Key: key, VersionID: object.VersionID}
	lock := func(opts s3sink.LockOptions) string {
		t.Helper()
		opts.RetryTimeout = -1
		err := s3sink.Lock(t.Context(), client, bucket, id, &opts)
		switch {
		case err == nil:
			return ""
		case coded("AccessDenied")(err):
			return "AccessDenied"
		}
		return err.Error()
	}
	for i, step := range []struct {
		opts s3sink.LockOptions
		want string
	}{
		{s3sink.LockOptions{Mode: s3sink.Governance, Until: day}, ""},
		{s3sink.LockOptions{Mode: s3sink.Governance, Until: hour}, "AccessDenied"},
		{s3sink.LockOptions{Mode: s3sink.Governance, Until: hour, BypassGovernance: true}, ""},
		{s3sink.LockOptions{Mode: s3sink.Compliance, Until: day, Hold: s3sink.SetHold}, ""},
		{s3sink.LockOptions{Mode: s3sink.Compliance, Until: day, Hold: s3sink.SetHold}, ""}, // again
		{s3sink.LockOptions{Mode: s3sink.Compliance, Until: hour, BypassGovernance: true}, "AccessDenied"},
		{s3sink.LockOptions{Hold: s3sink.ClearHold}, ""},
	} {
		if got := lock(step.opts); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil || head.ObjectLockMode != "COMPLIANCE" || head.ObjectLockLegalHoldStatus != "OFF" ||
		aws.ToTime(head.ObjectLockRetainUntilDate).Before(day.Truncate(time.Second)) {
		t.Errorf("%+v, %v", head, err)
	}
	server.Fault(s3test.Fault{Op: "PutObjectLegalHold", Times: 1, Before: s3test.Fail(503, "SlowDown")})
	if err := s3sink.Lock(t.Context(), client, bucket, id, &s3sink.LockOptions{Hold: s3sink.SetHold}); err != nil {
		t.Errorf("after a refusal that passes: %v", err)
	}
	marker, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"none", *marker.VersionId} {
		id.VersionID = version
		err := s3sink.Lock(t.Context(), client, bucket, id, &s3sink.LockOptions{Hold: s3sink.SetHold})
		if !errors.Is(err, s3sink.ErrNoObject) {
			t.Errorf("version %s: %v", version, err)
		}
	}
	id.VersionID = "none"
	if err := s3sink.Lock(t.Context(), client, bucket, id, &s3sink.LockOptions{Hold: s3sink.SetHold}); !errors.Is(err,
		s3sink.ErrNoObject) || stream.ClassOf(err) != stream.Fatal {
		t.Error(err)
	}
	_, plain := newServer(t, nil)
	if err := s3sink.Lock(t.Context(), plain, bucket, id, &s3sink.LockOptions{Hold: s3sink.SetHold}); !errors.Is(err,
		s3sink.ErrNoObjectLock) || stream.ClassOf(err) != stream.Fatal {
		t.Error(err)
	}
}
