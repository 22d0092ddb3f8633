package s3key_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/internal/s3fixture"
	"github.com/millweir/millweir/internal/s3key"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/stream"
)

func newKey() s3key.CustomerKey { return bytes.Repeat([]byte("canary"), 6)[:32] }

// TestNew: nil is no key, and every length but 32 is an error, 0 too.
func TestNew(t *testing.T) {
	for n := range 66 {
		k, err := s3key.New(make([]byte, n))
		if (err == nil) != (n == 32) || k.IsSet() != (n == 32) {
			t.Errorf("%d bytes: %v, set: %v", n, err, k.IsSet())
		}
	}
	if k, err := s3key.New(nil); err != nil || k.IsSet() {
		t.Errorf("no key: %v, set: %v", err, k.IsSet())
	}
}

// TestHTTP: a key is not sent over http, whatever the client is.
func TestHTTP(t *testing.T) {
	server := s3test.New(nil)
	defer server.Close()
	server.CreateBucket("b")
	client := s3fixture.NewClient(server.URL)
	key, err := s3key.New(newKey())
	if err != nil {
		t.Fatal(err)
	}
	if err := key.CheckClient(client); !errors.Is(err, s3key.ErrInsecure) {
		t.Errorf("the client is accepted: %v", err)
	}
	_, err = client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("b"), Key: aws.String("k")},
		key.Options)
	if !errors.Is(err, s3key.ErrInsecure) || stream.ClassOf(err) != stream.Fatal {
		t.Errorf("the request ended with %v", err)
	}
	if n := len(server.Requests()); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// TestCheckClient: the endpoint of a client is known before its first request, if it says so.
func TestCheckClient(t *testing.T) {
	key, err := s3key.New(newKey())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		client any
		secure bool
	}{
		"https":          {s3.New(s3.Options{BaseEndpoint: aws.String("https://s3.example")}), true},
		"the default":    {s3.New(s3.Options{}), true},
		"another client": {struct{}{}, true}, // its requests are checked
		"http":           {s3.New(s3.Options{BaseEndpoint: aws.String("http://s3.example")}), false},
		"HTTP":           {s3.New(s3.Options{BaseEndpoint: aws.String("HTTP://s3.example")}), false},
		"without https": {
			s3.New(s3.Options{EndpointOptions: s3.EndpointResolverOptions{DisableHTTPS: true}}),
			false,
		},
	} {
		if err := key.CheckClient(tt.client); (err == nil) != tt.secure {
			t.Errorf("%s: %v", name, err)
		}
		if err := (s3key.Key{}).CheckClient(tt.client); err != nil {
			t.Errorf("%s, without a key: %v", name, err)
		}
	}
}

// TestHeaders: the server gets the headers of S3, signed, and confirms them.
func TestHeaders(t *testing.T) {
	server := s3test.New(&s3test.Options{TLS: true})
	defer server.Close()
	server.CreateBucket("b")
	client := s3fixture.NewClient(server.URL, func(o *s3.Options) { o.HTTPClient = server.HTTPClient() })
	key, err := s3key.New(newKey())
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k")},
		key.Options)
	if err != nil {
		t.Fatal(err)
	}
	if !key.ConfirmedBy(out.SSECustomerAlgorithm, out.SSECustomerKeyMD5) || key.ConfirmedBy(nil, nil) {
		t.Error("the key is not confirmed")
	}
	if other, _ := s3key.New(make([]byte, 32)); other.ConfirmedBy(out.SSECustomerAlgorithm, out.SSECustomerKeyMD5) {
		t.Error("another key is confirmed")
	}
	sent := server.Requests()[0].Header
	signed := sent.Get("Authorization")
	for _, h := range []string{s3key.HeaderAlgorithm, s3key.HeaderKey, s3key.HeaderMD5} {
		if sent.Get(h) == "" || !strings.Contains(signed, strings.ToLower(h)) {
			t.Errorf("%s is %q, signed by %s", h, sent.Get(h), signed)
		}
	}
}

// TestHidden: no way to print a value shows the key.
func TestHidden(t *testing.T) {
	raw := newKey()
	key, err := s3key.New(raw)
	if err != nil {
		t.Fatal(err)
	}
	decimal := strings.Trim(fmt.Sprint([]byte(raw)), "[]")
	options := struct{ CustomerKey s3key.CustomerKey }{raw}
	kept := struct{ key s3key.Key }{key}
	for _, v := range []any{raw, options, &options, key, &key, kept, []any{kept}} {
		var text strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&text, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&text, nil)).Error("x", "v", v)
		slog.New(slog.NewJSONHandler(&text, nil)).Error("x", "v", v)
		if json, err := json.Marshal(v); err == nil {
			text.Write(json)
		}
		for _, form := range []string{
			string(raw[:16]), fmt.Sprintf("%x", []byte(raw)), base64.StdEncoding.EncodeToString(raw), decimal,
			strings.ReplaceAll(decimal, " ", ","), "0x63, 0x61",
		} {
			if strings.Contains(text.String(), form) {
				t.Errorf("%T shows the key: %s", v, text.String())
			}
		}
	}
}
