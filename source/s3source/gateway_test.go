package s3source_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
)

const gatewayPage = "<html>the gateway is starting</html>"

// chunkedPage replies with a gateway's page, which has no length and no ETag.
func chunkedPage(*s3test.Request) *s3test.Reply {
	return &s3test.Reply{Body: []byte(gatewayPage), NoLength: true}
}

// TestGatewayPage: a gateway answers GETs with its own page, while the service answers the HEADs.
// The object comes whole or not at all, and the service describes it.
func TestGatewayPage(t *testing.T) {
	data := random(1000)
	for name, tt := range map[string]struct {
		object written
		want   s3source.Verification // without the reason
	}{
		"parts": {written{parts: []int{300, 700}}, s3source.Verification{}},
		"parts, SHA256": {
			written{algorithm: "SHA256", parts: []int{300, 200, 450, 50}},
			s3source.Verification{Algorithm: "SHA256", Parts: 4},
		},
		"CRC32": {written{algorithm: "CRC32"}, s3source.Verification{Algorithm: "CRC32"}},
		"KMS":   {written{without: true, sse: "aws:kms"}, s3source.Verification{}},
	} {
		for pages := range 8 {
			synctest.Test(t, func(t *testing.T) {
				got, object, err := readAfterPages(t, tt.object, pages, tt.want.Algorithm != "")
				if object.Size != 1000 || object.Metadata["host"] != "db1" || object.Verification != tt.want {
					t.Errorf("%s, %d pages: the object is %+v", name, pages, object)
				}
				if pages <= 6 && (err != nil || !bytes.Equal(got, data)) {
					t.Errorf("%s, %d pages: %d bytes, %v", name, pages, len(got), err)
				}
				if pages > 6 && (!errors.Is(err, s3source.ErrBadReply) || len(got) > 0) {
					t.Errorf("%s, %d pages: %d bytes, %v", name, pages, len(got), err)
				}
			})
		}
	}
}

// readAfterPages downloads 1,000 bytes, stored as o, from a service whose gateway answers the first
// GETs.
func readAfterPages(t *testing.T, o written, pages int, verifiable bool) ([]byte, s3source.Object, error) {
	server, client := oneConnection(t)
	o.metadata = map[string]string{"host": "db1"}
	o.store(t, client, random(1000))
	if pages > 0 {
		server.Fault(s3test.Fault{Op: "GetObject", Times: pages, Before: chunkedPage})
	}
	if o.without {
		server.Fault(s3test.Fault{Times: always, After: without})
	}
	opts := &s3source.DownloadOptions{ChunkSize: 100}
	if verifiable {
		opts.Verify = s3source.VerifyRequired
	}
	var object s3source.Object
	opts.OnObject = func(o s3source.Object) error { object = o; return nil }
	got, err := read(t.Context(), s3source.Download(client, bucket, key, opts))
	object.Verification.Reason = ""
	return got, object, err
}

// TestJoinsNamedReplies: bytes that came without an ETag are not continued by those of another
// reply, even if that one has the object's ETag.
func TestJoinsNamedReplies(t *testing.T) {
	data := random(1000)
	for name, opts := range map[string]s3source.DownloadOptions{
		"whole":               {},
		"whole by its length": {Length: 1000},
		"range":               {Offset: 100, Length: 500},
	} {
		server, client := newServer(t, &s3test.Options{MinPartSize: -1})
		written{parts: []int{300, 700}}.store(t, client, data)
		server.Fault(s3test.Fault{Op: "GetObject", Times: 2, After: func(_ *s3test.Request, r *s3test.Reply) {
			copy(r.Body, gatewayPage)
			r.Header.Del("Etag")
			r.NoLength, r.Cut, r.Sent = true, true, 50
		}})
		got, err := read(t.Context(), s3source.Download(client, bucket, key, &opts))
		if err == nil || len(got) > 50 {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// TestReplacedAfterNameless: the first reply, without an ETag, is of a version that is then replaced
// by one of the same length. The second version comes whole, and it is the one that is described.
func TestReplacedAfterNameless(t *testing.T) {
	server, client := newServer(t, nil)
	server.Put(bucket, key, random(1000))
	second := bytes.Repeat([]byte("v2"), 500)
	server.Fault(s3test.Fault{Op: "GetObject", After: untagged})
	server.Fault(s3test.Fault{Op: "HeadObject", Before: func(*s3test.Request) *s3test.Reply {
		server.Put(bucket, key, second)
		return nil
	}})
	var object s3source.Object
	got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{
		Verify: s3source.VerifyRequired, OnObject: func(o s3source.Object) error { object = o; return nil },
	}))
	if err != nil || !bytes.Equal(got, second) || object.ETag != server.Object(bucket, key).ETag ||
		object.Verification.Algorithm != "CRC64NVME" {
		t.Errorf("%d bytes, %v, of %+v", len(got), err, object)
	}
}

// TestNamedByTheSecondReply: only the second reply has an ETag. The rest is requested by it.
func TestNamedByTheSecondReply(t *testing.T) {
	data := random(1000)
	server, client := newServer(t, &s3test.Options{MinPartSize: -1})
	written{parts: []int{300, 700}}.store(t, client, data)
	server.Fault(s3test.Fault{Op: "HeadObject", Times: always, After: untagged})
	server.Fault(s3test.Fault{Op: "GetObject", After: untagged})
	server.Fault(s3test.Fault{Op: "GetObject", After: s3test.CutAfter(400)})
	got, err := read(t.Context(), s3source.Download(client, bucket, key, &s3source.DownloadOptions{ChunkSize: 100}))
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	requests := server.Requests()
	if of := requests[len(requests)-1].Header.Get("If-Match"); of != server.Object(bucket, key).ETag {
		t.Errorf("the rest is requested of %q", of)
	}
}

// TestGatewayAnswersAll: a gateway answers the HEADs as well.
func TestGatewayAnswersAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, times := range []int{1, 2, always} {
			server, client := oneConnection(t)
			want := server.Put(bucket, key, random(1000)).Body
			for _, op := range []string{"GetObject", "HeadObject"} {
				server.Fault(s3test.Fault{Op: op, Times: times, Before: func(*s3test.Request) *s3test.Reply {
					return &s3test.Reply{Body: []byte(gatewayPage)}
				}})
			}
			got, err := read(t.Context(), s3source.Download(client, bucket, key, nil))
			if times != always && (err != nil || !bytes.Equal(got, want)) {
				t.Errorf("%d times: %d bytes, %v", times, len(got), err)
			}
			if times == always && (!errors.Is(err, s3source.ErrBadReply) || len(got) > 0) {
				t.Errorf("always: %d bytes, %v", len(got), err)
			}
		}
	})
}

// TestGatewayAnswersHead: a gateway answers the HEADs that confirm the length of the object.
func TestGatewayAnswersHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, times := range []int{2, always} {
			server, client := oneConnection(t)
			want := server.Put(bucket, key, random(1000)).Body
			server.Fault(s3test.Fault{Op: "HeadObject", Times: times, Before: chunkedPage})
			got, err := read(t.Context(), s3source.Download(client, bucket, key,
				&s3source.DownloadOptions{Verify: s3source.VerifyLength}))
			if !bytes.Equal(got, want) || times != always && err != nil ||
				times == always && !errors.Is(err, s3source.ErrBadReply) {
				t.Errorf("%d times: %d bytes, %v", times, len(got), err)
			}
		}
	})
}

// TestGatewayHidesChecksum: a gateway answers HEADs that the comparison of a checksum needs. The
// download does not go on without the checksum.
func TestGatewayHidesChecksum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, opts := range map[string]s3source.DownloadOptions{
			"sizes of the parts": {}, "checksums": {Length: 1000}, "4 at a time": {Parallelism: 4, PartSize: 300},
		} {
			server, client := oneConnection(t)
			want := random(1000)
			written{algorithm: "SHA256", parts: []int{300, 200, 450, 50}}.store(t, client, want)
			server.Fault(s3test.Fault{Op: "HeadObject", Times: 3, Before: chunkedPage})
			var compared s3source.Verification
			opts.OnObject = func(o s3source.Object) error { compared = o.Verification; return nil }
			got, err := read(t.Context(), s3source.Download(client, bucket, key, &opts))
			if err != nil || !bytes.Equal(got, want) || compared.Parts != 4 {
				t.Errorf("%s: %d bytes, %v, compared with %+v", name, len(got), err, compared)
			}
		}
	})
}
