package s3sink_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// interrupt uploads body and fails after n bytes. It returns the checkpoint of the upload.
func interrupt(t *testing.T, client s3sink.API, body []byte, n int, opts s3sink.UploadOptions) s3sink.Checkpoint {
	t.Helper()
	var last s3sink.Checkpoint
	acked := make(chan struct{}, 100)
	opts.OnPart = func(p s3sink.Part) {
		last = p.Checkpoint
		acked <- struct{}{}
	}
	opts.KeepUpload, opts.FixedParts, opts.Parallelism = true, true, 1
	src := then(source.Slice(cut(body[:n], 50)), func(context.Context) error {
		for range n / 100 { // no part is in flight any more
			<-acked
		}
		return errSource
	})
	_, err := stream.Run(t.Context(), src, s3sink.UploadWithin(100, client, bucket, key, small(opts)))
	var left *s3sink.PendingError
	if !errors.Is(err, errSource) || !errors.As(err, &left) || left.UploadID != last.UploadID {
		t.Fatalf("%v; the checkpoint is %+v", err, last)
	}
	asJSON, err := json.Marshal(last)
	if err != nil {
		t.Fatal(err)
	}
	var c s3sink.Checkpoint
	if err := json.Unmarshal(asJSON, &c); err != nil || c != last {
		t.Fatalf("%s became %+v, %v", asJSON, c, err)
	}
	return c
}

// resume continues the upload with body.
func resume(t *testing.T, client s3sink.API, c s3sink.Checkpoint, body []byte,
	opts s3sink.UploadOptions,
) (s3sink.Object, error) {
	t.Helper()
	opts.Resume = &c
	return stream.Run(t.Context(), source.Slice(cut(body, 70)), s3sink.UploadWithin(100, client, bucket, key,
		small(opts)))
}

// wantStored checks the object at the key, and that no upload is left.
func wantStored(t *testing.T, server *s3test.Server, want []byte) {
	t.Helper()
	if o := server.Object(bucket, key); o == nil || !bytes.Equal(o.Body, want) {
		t.Errorf("the object is %v", o)
	}
	if left := server.Uploads(bucket); len(left) > 0 {
		t.Errorf("uploads are left: %v", left)
	}
}

// An upload is resumed with every checksum, on every service. Parts that are stored are not sent
// again.
func TestResume(t *testing.T) {
	body := random(1050)
	for service := s3test.AmazonS3; service <= s3test.VersityGW; service++ {
		for checksum := s3sink.ChecksumAuto; checksum <= s3sink.ChecksumNone; checksum++ {
			if service == s3test.BackblazeB2 && checksum != s3sink.ChecksumAuto && checksum < s3sink.ChecksumMD5 {
				continue // it refuses checksums
			}
			server, client := newServer(t, &s3test.Options{MinPartSize: -1, Service: service})
			opts := s3sink.UploadOptions{Checksum: checksum, FixedParts: true}
			c := interrupt(t, client, body, 530, opts)
			sent, resumed := 0, 0
			opts.OnPart = func(p s3sink.Part) {
				if p.Resumed {
					resumed++
				} else {
					sent++
				}
				if p.Checkpoint != c {
					t.Errorf("%+v, want %+v", p.Checkpoint, c)
				}
			}
			object, err := resume(t, client, c, body, opts)
			if err != nil {
				t.Errorf("%v, %v: %v", service, checksum, err)
				continue
			}
			wantStored(t, server, body)
			if sent != 6 || resumed != 5 || object.Parts != 11 ||
				object.Size != int64(len(body)) {
				t.Errorf("%v, %v: %d parts were sent, %d resumed; %+v", service, checksum, sent, resumed, object)
			}
		}
	}
}

// The object is always the stream of the last run, whatever the first one has sent.
func TestResumeOtherStream(t *testing.T) {
	first := random(1050)
	changed := bytes.Clone(first)
	changed[250] ^= 1
	for name, body := range map[string][]byte{
		"the same": first, "a changed byte": changed, "shorter": first[:320], "one part": first[:100],
		"half a part": first[:50],
		"empty":       nil, "longer": append(bytes.Clone(first), random(500)...), "other": random(1049),
	} {
		for _, opts := range []s3sink.UploadOptions{
			{},
			{IfAbsent: true},
			{PartSize: 50},
			{PartSize: 300},
			{ServerSideEncryption: "AES256"},
			{Parallelism: 1},
			{Checksum: s3sink.ChecksumMD5},
			{Checksum: s3sink.ChecksumNone},
		} {
			server, client := newServer(t, anyParts)
			c := interrupt(t, client, first, 530, s3sink.UploadOptions{
				Checksum: opts.Checksum, ServerSideEncryption: opts.ServerSideEncryption,
			})
			object, err := resume(t, client, c, body, opts)
			if err != nil || object.Size != int64(len(body)) {
				t.Errorf("%s, %+v: %+v, %v", name, opts, object, err)
				continue
			}
			wantStored(t, server, body)
		}
	}
}

// A first run that was killed after its last request has stored the object.
func TestResumeCompleted(t *testing.T) {
	body := random(1050)
	changed := bytes.Clone(body)
	changed[0] ^= 1
	for _, ifAbsent := range []bool{false, true} {
		for name, test := range map[string]struct {
			body   []byte
			change func(*s3test.Server, s3sink.Checkpoint)
			want   error
		}{
			"the same": {body, func(*s3test.Server, s3sink.Checkpoint) {}, nil},
			"changed":  {changed, func(*s3test.Server, s3sink.Checkpoint) {}, s3sink.ErrMismatch},
			"shorter":  {body[:500], func(*s3test.Server, s3sink.Checkpoint) {}, s3sink.ErrMismatch},
			"removed": {body, func(s *s3test.Server, _ s3sink.Checkpoint) {
				s.Remove(bucket, key)
			}, s3sink.ErrUploadGone},
			"forbidden": {body, func(s *s3test.Server, _ s3sink.Checkpoint) {
				s.Fault(s3test.Fault{Op: "HeadObject", Times: always, Before: s3test.Fail(403, "AccessDenied")})
			}, s3sink.ErrOutcomeUnknown},
		} {
			server, client := newServer(t, anyParts)
			var c s3sink.Checkpoint
			opts := small(s3sink.UploadOptions{OnPart: func(p s3sink.Part) { c = p.Checkpoint }})
			first, err := stream.Run(t.Context(), source.Of(body), s3sink.UploadWithin(100, client, bucket, key, opts))
			if err != nil {
				t.Fatal(err)
			}
			test.change(server, c)
			object, err := resume(t, client, c, test.body, s3sink.UploadOptions{IfAbsent: ifAbsent})
			if !errors.Is(err, test.want) || err != nil && stream.ClassOf(err) != stream.ClassOf(test.want) {
				t.Errorf("%s: %v of the class %v, want %v", name, err, stream.ClassOf(err), test.want)
			}
			if err == nil && (object.ETag != first.ETag || object.Checksum != first.Checksum ||
				object.Size != first.Size) {
				t.Errorf("%s: %+v, want %+v", name, object, first)
			}
			if err == nil {
				wantStored(t, server, body)
			}
		}
	}
}

// No service and no checksum lets the object of the first run pass for another stream of the same
// length.
func TestResumeCompletedElsewhere(t *testing.T) {
	body := random(1050)
	changed := bytes.Clone(body)
	changed[0] ^= 1
	for _, service := range s3test.Services() {
		for checksum := s3sink.ChecksumAuto; checksum <= s3sink.ChecksumNone; checksum++ {
			if service == s3test.BackblazeB2 && checksum != s3sink.ChecksumAuto && checksum < s3sink.ChecksumMD5 {
				continue // it refuses checksums
			}
			server, client := newServer(t, &s3test.Options{MinPartSize: -1, Service: service})
			var c s3sink.Checkpoint
			opts := s3sink.UploadOptions{Checksum: checksum, FixedParts: true}
			opts.OnPart = func(p s3sink.Part) { c = p.Checkpoint }
			_, err := stream.Run(t.Context(), source.Of(body), s3sink.UploadWithin(100, client, bucket, key, small(opts)))
			if err != nil {
				t.Fatal(err)
			}
			opts.OnPart = nil
			if _, err := resume(t, client, c, changed, opts); !errors.Is(err, s3sink.ErrMismatch) &&
				!errors.Is(err, s3sink.ErrOutcomeUnknown) {
				t.Errorf("%v, %v: another stream: %v", service, checksum, err)
			}
			_, err = resume(t, client, c, body, opts)
			if err != nil && !errors.Is(err, s3sink.ErrOutcomeUnknown) || service == s3test.AmazonS3 && err != nil {
				t.Errorf("%v, %v: the same stream: %v", service, checksum, err)
			}
			wantStored(t, server, body)
		}
	}
}

// KeepUpload keeps the upload also if its last request fails or is cancelled, and a later run
// continues it.
func TestKeepUploadAfterComplete(t *testing.T) {
	body := random(1050)
	for name, fault := range map[string]s3test.Fault{
		"503":     {Op: "CompleteMultipartUpload", Times: always, Before: s3test.Fail(503, "SlowDown")},
		"500":     {Op: "CompleteMultipartUpload", Times: always, Before: s3test.Fail(500, "InternalError")},
		"dropped": {Op: "CompleteMultipartUpload", Times: always, Before: s3test.Drop},
		"page":    {Op: "CompleteMultipartUpload", Times: always, Before: say("<html></html>")},
	} {
		server, client := newServer(t, anyParts)
		server.Fault(fault)
		var c s3sink.Checkpoint
		opts := small(s3sink.UploadOptions{
			KeepUpload: true, StallTimeout: time.Second, OnPart: func(p s3sink.Part) { c = p.Checkpoint },
		})
		_, err := stream.Run(t.Context(), source.Of(body), s3sink.UploadWithin(100, client, bucket, key, opts))
		var left *s3sink.PendingError
		if !errors.As(err, &left) || len(server.Uploads(bucket)) != 1 {
			t.Errorf("%s: %v; %d uploads are left", name, err, len(server.Uploads(bucket)))
			continue
		}
		server.ClearFaults()
		if _, err := resume(t, client, c, body, s3sink.UploadOptions{}); err != nil {
			t.Errorf("%s, resumed: %v", name, err)
		}
		wantStored(t, server, body)
	}
}

// A resumed upload with encryption sends a part until the service has confirmed the encryption, and
// no stored part after it.
func TestResumeEncrypted(t *testing.T) {
	body := random(1050)
	server, client := newServer(t, anyParts)
	opts := s3sink.UploadOptions{ServerSideEncryption: "AES256", FixedParts: true}
	c := interrupt(t, client, body, 530, opts)
	resumed := 0
	opts.Parallelism = 1
	opts.OnPart = func(p s3sink.Part) {
		if p.Resumed {
			resumed++
		}
	}
	if _, err := resume(t, client, c, body, opts); err != nil {
		t.Fatal(err)
	}
	wantStored(t, server, body)
	if resumed != 4 {
		t.Errorf("%d of 5 parts were used again, want 4", resumed)
	}
}

// An upload that was aborted, or that another object has replaced, cannot be resumed.
func TestResumeGone(t *testing.T) {
	body := random(1050)
	for _, other := range []bool{false, true} {
		server, client := newServer(t, anyParts)
		c := interrupt(t, client, body, 530, s3sink.UploadOptions{})
		server.AbortUpload(bucket, c.UploadID)
		if other {
			if _, err := stream.Run(t.Context(), source.Of(body[1:]), s3sink.Upload(client, bucket, key, nil)); err != nil {
				t.Fatal(err)
			}
		}
		_, err := resume(t, client, c, body, s3sink.UploadOptions{})
		if !errors.Is(err, s3sink.ErrUploadGone) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("other %v: %v of the class %v", other, err, stream.ClassOf(err))
		}
	}
}

// A part that is missing at the service is sent, and so are all after it.
func TestResumeMissingPart(t *testing.T) {
	body := random(1050)
	for _, missing := range []int{1, 3, 5} {
		server, client := newServer(t, anyParts)
		c := interrupt(t, client, body, 530, s3sink.UploadOptions{FixedParts: true})
		server.DropPart(bucket, c.UploadID, missing)
		before := server.Count("UploadPart")
		if _, err := resume(t, client, c, body, s3sink.UploadOptions{FixedParts: true}); err != nil {
			t.Error(err)
		}
		wantStored(t, server, body)
		if sent, want := server.Count("UploadPart")-before, 11-missing+1; sent != want {
			t.Errorf("part %d is missing: %d were sent, want %d", missing, sent, want)
		}
	}
}

// noList is a client that cannot list parts.
type noList struct{ s3sink.API }

func TestResumeSettings(t *testing.T) {
	_, client := newServer(t, anyParts)
	good := s3sink.Checkpoint{Bucket: bucket, Key: key, UploadID: "id", WriteToken: "token"}
	for name, change := range map[string]func(*s3sink.Checkpoint){
		"bucket":   func(c *s3sink.Checkpoint) { c.Bucket = "other" },
		"key":      func(c *s3sink.Checkpoint) { c.Key = "other" },
		"no id":    func(c *s3sink.Checkpoint) { c.UploadID = "" },
		"no token": func(c *s3sink.Checkpoint) { c.WriteToken = "" },
		"token":    func(c *s3sink.Checkpoint) { c.WriteToken = "a\nb" },
	} {
		bad := good
		change(&bad)
		if _, err := resume(t, client, bad, nil, s3sink.UploadOptions{}); stream.ClassOf(err) != stream.Fatal ||
			errors.Is(err, s3sink.ErrUploadGone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := resume(t, noList{client}, good, nil, s3sink.UploadOptions{}); stream.ClassOf(err) != stream.Fatal ||
		errors.Is(err, s3sink.ErrUploadGone) {
		t.Error(err)
	}
	c := interrupt(t, client, random(1050), 530, s3sink.UploadOptions{Checksum: s3sink.ChecksumCRC32})
	_, err := resume(t, client, c, random(1050), s3sink.UploadOptions{Checksum: s3sink.ChecksumSHA1})
	if stream.ClassOf(err) != stream.Fatal {
		t.Errorf("another checksum: %v", err)
	}
}
