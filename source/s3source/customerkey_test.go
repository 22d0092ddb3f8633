package s3source_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3fixture"
	"github.com/millweir/millweir/internal/s3key"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// newCustomerKey returns a key of SSE-C.
func newCustomerKey() []byte { return bytes.Repeat([]byte("canary-key"), 4)[:32] }

// newKeyServer returns a server with https that has an object with a customer's key, in parts of
// 5 MiB, and a client for it.
func newKeyServer(t *testing.T, data []byte) (*s3test.Server, *s3.Client) {
	t.Helper()
	server := s3test.New(&s3test.Options{MinPartSize: -1, TLS: true})
	t.Cleanup(server.Close)
	server.CreateBucket(bucket)
	client := s3fixture.NewClient(server.URL, func(o *s3.Options) { o.HTTPClient = server.HTTPClient() })
	_, err := stream.Run(t.Context(), source.Slice([][]byte{bytes.Clone(data)}), s3sink.Upload(client, bucket, key,
		&s3sink.UploadOptions{CustomerKey: newCustomerKey(), Checksum: s3sink.ChecksumSHA256, PartSize: 5 << 20}))
	if err != nil {
		t.Fatal(err)
	}
	return server, client
}

// keyed returns options with a key.
func keyed(key []byte, o s3source.DownloadOptions) *s3source.DownloadOptions {
	o.CustomerKey = key
	return &o
}

// TestCustomerKey: every request of a download has the key: GETs and HEADs, of ranges and of the
// rest after a cut.
func TestCustomerKey(t *testing.T) {
	data := random(11 << 20)
	for _, parallelism := range []int{1, 3} {
		server, client := newKeyServer(t, data)
		stored := len(server.Requests())
		server.Fault(s3test.Fault{Op: "GetObject", Times: 3, After: s3test.CutAfter(100_000)})
		given := newCustomerKey()
		var object s3source.Object
		src := s3source.Download(client, bucket, key, keyed(given, s3source.DownloadOptions{
			Parallelism: parallelism, PartSize: 3 << 20,
			OnObject: func(o s3source.Object) error { object = o; return nil },
		}))
		clear(given) // it belongs to the caller
		got, err := read(t.Context(), src)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d at a time: %d bytes, %v", parallelism, len(got), err)
		}
		if object.ServerSideEncryption != "SSE-C" || object.Verification.Parts != 3 {
			t.Errorf("%d at a time: the object is %+v", parallelism, object)
		}
		want := base64.StdEncoding.EncodeToString(newCustomerKey())
		for _, r := range server.Requests()[stored:] {
			if r.Header.Get(s3key.HeaderKey) != want {
				t.Errorf("%d at a time: %s of %q has the key %q", parallelism, r.Op, r.Header.Get("Range"),
					r.Header.Get(s3key.HeaderKey))
			}
		}
	}
}

// TestWrongCustomerKey: a key that is missing, wrong, or not needed is an error that says so, before
// the first byte.
func TestWrongCustomerKey(t *testing.T) {
	server, client := newKeyServer(t, random(1000))
	server.Put(bucket, "plain", random(10))
	other := bytes.Repeat([]byte("x"), 32)
	for name, tt := range map[string]struct {
		key    []byte
		object string
		advice string
	}{
		"missing":    {nil, key, "set CustomerKey"},
		"wrong":      {other, key, "another one"},
		"not needed": {other, "plain", "leave CustomerKey out"},
	} {
		check := func(what string, err error) {
			if !errors.Is(err, s3source.ErrCustomerKey) || stream.ClassOf(err) != stream.Fatal ||
				!strings.Contains(err.Error(), tt.advice) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		for _, o := range []s3source.DownloadOptions{{}, {Offset: 1}, {Parallelism: 2, PartSize: 100}} {
			got, err := read(t.Context(), s3source.Download(client, bucket, tt.object, keyed(tt.key, o)))
			check(fmt.Sprintf("%+v", o), err)
			if len(got) > 0 {
				t.Errorf("%s: %d bytes came", name, len(got))
			}
		}
		_, err := s3source.Head(t.Context(), client, bucket, tt.object, &s3source.HeadOptions{CustomerKey: tt.key})
		check("Head", err)
	}
}

// TestCustomerKeyRefused: a key that cannot be right, or that http would show, is refused before the
// first request.
func TestCustomerKeyRefused(t *testing.T) {
	server, client := newServer(t, nil)
	server.Put(bucket, key, random(10))
	proxied := struct{ s3source.API }{client} // its endpoint is unknown before the first request
	for name, src := range map[string]stream.Source[[]byte]{
		"31 bytes":       s3source.Download(client, bucket, key, keyed(make([]byte, 31), s3source.DownloadOptions{})),
		"0 bytes":        s3source.Download(client, bucket, key, keyed([]byte{}, s3source.DownloadOptions{})),
		"http":           s3source.Download(client, bucket, key, keyed(newCustomerKey(), s3source.DownloadOptions{})),
		"another client": s3source.Download(proxied, bucket, key, keyed(newCustomerKey(), s3source.DownloadOptions{})),
		"in parts": s3source.Download(proxied, bucket, key,
			keyed(newCustomerKey(), s3source.DownloadOptions{Parallelism: 2})),
	} {
		_, err := read(t.Context(), src)
		if stream.ClassOf(err) != stream.Fatal || !strings.Contains(err.Error(), "CustomerKey") ||
			len(server.Requests()) > 0 {
			t.Errorf("%s: %v after %d requests", name, err, len(server.Requests()))
		}
	}
}

// TestCustomerKeyHidden: the key is in no error, report of a retry, or panic, whatever the server
// says.
func TestCustomerKeyHidden(t *testing.T) {
	raw := newCustomerKey()
	encoded := base64.StdEncoding.EncodeToString(raw)
	echo := func(status int) func(*s3test.Request) *s3test.Reply {
		return func(r *s3test.Request) *s3test.Reply {
			sent := r.Header.Get(s3key.HeaderKey)
			return &s3test.Reply{
				Status: status, Header: map[string][]string{"Location": {"https://other/" + sent}},
				Body: []byte("<Error><Code>" + sent + "</Code><Message>encryption " + sent + "</Message></Error>"),
			}
		}
	}
	for _, status := range []int{200, 301, 400, 403, 404, 500, 503} {
		for _, parallelism := range []int{1, 2} {
			server, client := newKeyServer(t, random(1000))
			server.Fault(s3test.Fault{Times: always, Before: echo(status)})
			var shown strings.Builder
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			src := s3source.Download(client, bucket, key, keyed(raw, s3source.DownloadOptions{
				Parallelism: parallelism, RetryTimeout: 50 * time.Millisecond,
				OnRetry: func(err error, _ time.Duration) { fmt.Fprintf(&shown, "%v %+v\n", err, err) },
			}))
			_, err := read(ctx, src)
			cancel()
			fmt.Fprintf(&shown, "%v\n%+v\n%#v\n%+v\n", err, err, err, src)
			if strings.Contains(shown.String(), encoded) || strings.Contains(shown.String(), "canary-key") ||
				strings.Contains(shown.String(), strings.Trim(fmt.Sprint(raw), "[]")) {
				t.Errorf("%d, %d at a time: the key is shown: %s", status, parallelism, shown.String())
			}
			if err == nil && status != 200 {
				t.Errorf("%d, %d at a time: no error", status, parallelism)
			}
		}
	}
}
