package s3store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millweir/millweir/backup"
	"github.com/millweir/millweir/backup/s3store"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// Examine reports the properties of a bucket, and names each missing right. A missing right that a
// writer does not need is no error.
func TestExamine(t *testing.T) {
	refused := func(ops ...string) (all []s3test.Fault) {
		for _, op := range ops {
			all = append(all, s3test.Fault{Op: op, Times: -1, Before: s3test.Fail(403, "AccessDenied")})
		}
		return all
	}
	for name, test := range map[string]struct {
		server s3test.Options
		opts   s3store.Options
		faults []s3test.Fault
		texts  map[string]string // what the text of a finding must have
		fails  map[string]string // what the error of a finding must have
	}{
		"all is well": {texts: map[string]string{
			"clock": "agrees", "put": "refuses to replace", "delete": "may delete",
			"versions": "no older versions", "object lock": "has none", "uploads": "none is unfinished",
		}},
		"versions":    {server: s3test.Options{Versioned: true}, texts: map[string]string{"versions": "Enabled"}},
		"object lock": {server: s3test.Options{ObjectLock: true}, texts: map[string]string{"object lock": "has it"}},
		"a writer": {
			faults: refused("DeleteObjects", "DeleteObject", "GetBucketVersioning", "GetObjectLockConfiguration",
				"ListMultipartUploads"),
			texts: map[string]string{
				"delete": "may not delete (s3:GetBucketVersioning)", "versions": "s3:GetBucketVersioning",
				"object lock": "s3:GetBucketObjectLockConfiguration", "uploads": "s3:ListBucketMultipartUploads",
			},
		},
		"may not delete": {
			faults: refused("DeleteObjects", "DeleteObject"),
			texts:  map[string]string{"delete": "may not delete (s3:DeleteObject)"},
		},
		"may not delete one": {
			faults: []s3test.Fault{{Op: "DeleteObjects", Times: -1, Before: func(*s3test.Request) *s3test.Reply {
				return &s3test.Reply{Body: []byte("<DeleteResult><Error><Key>shop/data/.probe</Key>" +
					"<Code>AccessDenied</Code><Message>Access Denied</Message></Error></DeleteResult>")}
			}}},
			texts: map[string]string{"delete": "may not delete (s3:DeleteObject)"},
		},
		"may not put":  {faults: refused("PutObject"), fails: map[string]string{"put": "s3:PutObject"}},
		"may not read": {faults: refused("GetObject", "HeadObject"), fails: map[string]string{"put": "s3:GetObject"}},
		"may not list": {
			faults: refused("ListObjectsV2"),
			fails:  map[string]string{"list": "s3:ListBucket", "put": "s3:ListBucket"},
		},
		"protected, and no lock": {
			opts:  s3store.Options{LockMode: s3sink.Compliance},
			fails: map[string]string{"object lock": "no Object Lock"},
		},
		"hides objects": {
			faults: []s3test.Fault{{Op: "ListObjectsV2", Times: -1, After: func(_ *s3test.Request, r *s3test.Reply) {
				r.Body = []byte(`<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>`)
			}}},
			fails: map[string]string{"put": "does not list"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := newServer(t, &test.server)
			for _, f := range test.faults {
				server.Fault(f)
			}
			s := s3store.New(client, bucket, "shop", &test.opts)
			found := map[string]backup.Finding{}
			if err := s.Examine(t.Context(), func(f backup.Finding) { found[f.Name] = f }); err != nil {
				t.Fatal(err)
			}
			for name, words := range test.texts {
				if f := found[name]; f.Err != nil || !strings.Contains(f.Text, words) {
					t.Errorf("%s: %q, %v", name, f.Text, f.Err)
				}
			}
			for name, f := range found {
				if words := test.fails[name]; (f.Err != nil) != (words != "") || f.Err != nil &&
					(!strings.Contains(f.Err.Error(), words) || stream.ClassOf(f.Err) != stream.Fatal) {
					t.Errorf("%s: %v", name, f.Err)
				}
			}
		})
	}
}

// Examine leaves nothing that a list shows, also in a bucket with versions.
func TestExamineLeavesNothing(t *testing.T) {
	for _, opts := range []s3test.Options{{}, {Versioned: true}, {ObjectLock: true}} {
		server, client := newServer(t, &opts)
		s := s3store.New(client, bucket, "shop", nil)
		for range 2 {
			if err := s.Examine(t.Context(), func(backup.Finding) {}); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(server.Versions(bucket, "shop/data/.probe")); n > 0 {
			t.Errorf("%+v: %d versions or delete markers of what was never stored", opts, n)
		}
		objects, err := stream.Run(t.Context(), s.List(""), sink.Slice[backup.Object]())
		if err != nil || len(objects) > 0 || len(server.Uploads(bucket)) > 0 {
			t.Errorf("%+v: left %v, %v", opts, objects, err)
		}
	}
}

// An upload that is in progress is counted, and stays.
func TestExamineUploads(t *testing.T) {
	server, client := newServer(t, nil)
	server.Fault(s3test.Fault{Op: "AbortMultipartUpload", Times: -1, Before: s3test.Fail(403, "AccessDenied")})
	s := s3store.New(client, bucket, "shop", &s3store.Options{Upload: s3sink.UploadOptions{AbortTimeout: time.Second}})
	lost := stream.Concat(source.Of(make([]byte, 6<<20)), stream.Fail[[]byte](errLost))
	if _, err := stream.Run(t.Context(), lost, s.Put("data/a", nil)); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	var text string
	err := s.Examine(t.Context(), func(f backup.Finding) {
		if f.Name == "uploads" {
			text = f.Text
		}
	})
	if err != nil || !strings.HasPrefix(text, "1 unfinished") || len(server.Uploads(bucket)) != 1 {
		t.Errorf("%q, %v", text, err)
	}
}

var errLost = errors.New("the source is lost")
