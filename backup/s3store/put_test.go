package s3store_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// TestPutCleanUp: an upload that could not be aborted is reported, also if another writer was faster.
func TestPutCleanUp(t *testing.T) {
	for code, status := range map[string]int{"PreconditionFailed": 412, "ConditionalRequestConflict": 409} {
		server, client := newServer(t, nil)
		server.Fault(s3test.Fault{Op: "AbortMultipartUpload", Times: -1, Before: s3test.Fail(403, "AccessDenied")})
		refuse := s3test.Fail(status, code)
		server.Fault(s3test.Fault{
			Op: "CompleteMultipartUpload", Times: -1,
			Before: func(r *s3test.Request) *s3test.Reply {
				server.Put(bucket, "a", []byte("another's"))
				return refuse(r)
			},
		})
		s := s3store.New(client, bucket, "", nil)
		_, err := stream.Run(t.Context(), source.Of(make([]byte, 9<<20)), s.Put("a", nil))
		var left *s3sink.PendingError
		if !errors.Is(err, backup.ErrExists) || stream.ClassOf(err) != stream.Fatal || !errors.As(err, &left) {
			t.Errorf("%s: %v of the class %v", code, err, stream.ClassOf(err))
		}
	}
}

// TestPutNotConfirmed: an object that is stored, but perhaps not protected, is no failure without
// effect.
func TestPutNotConfirmed(t *testing.T) {
	for name, fault := range map[string]s3test.Fault{
		"no right to see it": {After: func(_ *s3test.Request, r *s3test.Reply) {
			r.Header.Del("X-Amz-Object-Lock-Mode")
			r.Header.Del("X-Amz-Object-Lock-Retain-Until-Date")
		}},
		"no right to read": {After: func(_ *s3test.Request, r *s3test.Reply) {
			*r = s3test.Reply{Status: http.StatusForbidden}
		}},
	} {
		server, client := newServer(t, &s3test.Options{ObjectLock: true})
		fault.Op, fault.Times = "HeadObject", -1
		server.Fault(fault)
		s := s3store.New(client, bucket, "", nil)
		_, err := stream.Run(t.Context(), source.Of([]byte("x")),
			s.Put("a", &backup.PutOptions{RetainUntil: time.Now().Add(time.Hour)}))
		if stream.ClassOf(err) != stream.UnknownOutcome || !errors.Is(err, s3sink.ErrNotLocked) ||
			errors.Is(err, backup.ErrNoHold) ||
			!strings.Contains(err.Error(), "s3:GetObjectRetention") {
			t.Errorf("%s: %v of the class %v", name, err, stream.ClassOf(err))
		}
		if server.Object(bucket, "a") == nil {
			t.Errorf("%s: nothing is stored", name)
		}
	}
}
