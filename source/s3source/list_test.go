package s3source_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

// listed returns the keys of a list, each with what the entry is.
func listed(ctx context.Context, src stream.Source[s3source.Entry]) ([]string, error) {
	return stream.Run(ctx, stream.Via(src, stream.Map(func(e s3source.Entry) string {
		switch {
		case e.CommonPrefix:
			return e.Key + "…"
		case e.DeleteMarker:
			return "-" + e.Key
		}
		return e.Key
	})), sink.Slice[string]())
}

func TestListConformance(t *testing.T) {
	server, client := newServer(t, &s3test.Options{Versioned: true})
	opts := &s3source.ListOptions{PageSize: 3}
	for name, list := range map[string]func(prefix string) stream.Source[s3source.Entry]{
		"List": func(prefix string) stream.Source[s3source.Entry] {
			return s3source.List(client, bucket, prefix, opts)
		},
		"ListVersions": func(prefix string) stream.Source[s3source.Entry] {
			return s3source.ListVersions(client, bucket, prefix, opts)
		},
	} {
		t.Run(name, func(t *testing.T) {
			streamtest.TestSource(t, streamtest.Source[s3source.Entry]{
				New: func(n int) stream.Source[s3source.Entry] {
					prefix := fmt.Sprintf("%d/", n)
					for i := range n {
						if k := fmt.Sprintf("%s%04d", prefix, i); server.Object(bucket, k) == nil {
							server.Put(bucket, k, nil)
						}
					}
					return list(prefix)
				},
				Want: func(t *testing.T, n int, out []s3source.Entry) {
					for i, e := range out {
						if e.Key != fmt.Sprintf("%d/%04d", n, i) {
							t.Errorf("entry %d is %s", i, e.Key)
						}
					}
				},
				RealIO: true,
				Idle:   []string{"net/http.", "internal/poll.", "net."},
			})
		})
	}
}

// TestList lists odd keys, by pages of every size.
func TestList(t *testing.T) {
	server, client := newServer(t, nil)
	keys := []string{"a b", "a!b", "a+b", "a/1", "a/2", "b", "ž\x01%2F&", "other/x"}
	for _, k := range keys {
		server.Put(bucket, k, []byte("text"))
	}
	slices.Sort(keys)
	for size := 0; size <= 5; size++ {
		for _, tt := range []struct {
			prefix string
			opts   s3source.ListOptions
			want   []string
		}{
			{"", s3source.ListOptions{}, keys},
			{"a", s3source.ListOptions{}, []string{"a b", "a!b", "a+b", "a/1", "a/2"}},
			{"", s3source.ListOptions{StartAfter: "a/1"}, []string{"a/2", "b", "other/x", "ž\x01%2F&"}},
			{
				"",
				s3source.ListOptions{Delimiter: "/"},
				[]string{"a b", "a!b", "a+b", "a/…", "b", "other/…", "ž\x01%2F&"},
			},
			{"none", s3source.ListOptions{}, nil},
		} {
			tt.opts.PageSize = size
			got, err := listed(t.Context(), s3source.List(client, bucket, tt.prefix, &tt.opts))
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%q, %+v: %q, %v; want %q", tt.prefix, tt.opts, got, err, tt.want)
			}
		}
	}
	for e, err := range stream.All(t.Context(), s3source.List(client, bucket, "b", nil)) {
		if err != nil || e.Size != 4 || e.ETag != server.Object(bucket, "b").ETag || e.LastModified.IsZero() ||
			e.StorageClass != "STANDARD" {
			t.Errorf("%+v, %v", e, err)
		}
	}
}

// TestListVersions lists versions and delete markers, by pages of every size.
func TestListVersions(t *testing.T) {
	server, client := newServer(t, &s3test.Options{Versioned: true})
	for _, k := range []string{"a b", "a!b", "a!b", "c"} {
		server.Put(bucket, k, []byte("text"))
	}
	for _, k := range []string{"a!b", "c"} {
		if _, err := client.DeleteObject(t.Context(),
			&s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: &k}); err != nil {
			t.Fatal(err)
		}
	}
	server.Put(bucket, "a!b", []byte("text"))
	want := []string{"a b", "a!b", "-a!b", "a!b", "a!b", "-c", "c"}
	for size := 0; size <= 8; size++ {
		got, err := listed(t.Context(),
			s3source.ListVersions(client, bucket, "", &s3source.ListOptions{PageSize: size}))
		// Within a millisecond the order of a version and a delete marker is unknown.
		latest := slices.Index(got, "-a!b")
		if latest >= 0 {
			got[latest], got[2] = got[2], got[latest]
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("by %d: %q, %v; want %q", size, got, err, want)
		}
	}
	got, err := listed(t.Context(), s3source.ListVersions(client, bucket, "", &s3source.ListOptions{StartAfter: "a!b"}))
	if err != nil || !slices.Equal(got, want[5:]) {
		t.Errorf("after a!b: %q, %v", got, err)
	}
}

// TestBadLists is D16: replies that are not a list, and a list without an end.
func TestBadLists(t *testing.T) {
	page := func(rest string) string { return "<ListBucketResult>" + rest + "</ListBucketResult>" }
	for name, body := range map[string]string{
		"empty":         "",
		"HTML":          "<html></html>",
		"no end":        page("<Contents><Key>k</Key></Contents>"),
		"no token":      page("<IsTruncated>true</IsTruncated>"),
		"the same page": page("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"),
		"foreign keys":  page("<IsTruncated>false</IsTruncated><Contents><Key>other</Key></Contents>"),
		"bad encoding": page(
			"<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated><Contents><Key>k%zz</Key></Contents>"),
	} {
		server, client := newServer(t, nil)
		server.Fault(s3test.Fault{Op: "ListObjectsV2", Times: always, After: s3test.Say(body)})
		got, err := listed(t.Context(), s3source.List(client, bucket, "k", nil))
		if !errors.Is(err, s3source.ErrBadReply) || stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	_, client := newServer(t, nil)
	if _, err := listed(t.Context(), s3source.List(client, "none", "", nil)); !errors.Is(err, s3source.ErrNotFound) {
		t.Errorf("no bucket: %v", err)
	}
}

// TestLongKeys: a page of the longest keys exceeds the limit of a reply, so smaller ones are
// requested.
func TestLongKeys(t *testing.T) {
	server, client := newServer(t, nil)
	for i := range 500 {
		server.Put(bucket, fmt.Sprintf("%04d%s", i, strings.Repeat("\x01", 1020)), nil)
	}
	got, err := listed(t.Context(), s3source.List(client, bucket, "", nil))
	if err != nil || len(got) != 500 {
		t.Errorf("%d keys, %v", len(got), err)
	}
}

func TestBadListSettings(t *testing.T) {
	server, client := newServer(t, nil)
	long := strings.Repeat("k", 1025)
	for name, src := range map[string]stream.Source[s3source.Entry]{
		"nil client":    s3source.List(nil, bucket, "", nil),
		"nil client, v": s3source.ListVersions(nil, bucket, "", nil),
		"no bucket":     s3source.List(client, "", "", nil),
		"prefix":        s3source.List(client, bucket, long, nil),
		"page":          s3source.List(client, bucket, "", &s3source.ListOptions{PageSize: 1001}),
		"no page":       s3source.List(client, bucket, "", &s3source.ListOptions{PageSize: -1}),
	} {
		if _, err := listed(t.Context(), src); stream.ClassOf(err) != stream.Fatal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(server.Requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
}

func TestHead(t *testing.T) {
	server, client := newServer(t, &s3test.Options{Versioned: true, MinPartSize: -1})
	first := server.Put(bucket, key, []byte("first"))
	written{algorithm: "SHA256", parts: []int{500, 500}}.store(t, client, random(1000))
	o, err := s3source.Head(t.Context(), client, bucket, key, nil)
	if err != nil || o.Size != 1000 || o.Verification != (s3source.Verification{Algorithm: "SHA256", Parts: 2}) ||
		len(o.Checksums) != 1 || server.Count("HeadObject") != 1 {
		t.Errorf("%+v, %v", o, err)
	}
	o, err = s3source.Head(t.Context(), client, bucket, key, &s3source.HeadOptions{VersionID: first.VersionID})
	if err != nil || o.Size != 5 || o.VersionID != first.VersionID || o.ETag != first.ETag {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := s3source.Head(t.Context(), client, bucket, key,
		&s3source.HeadOptions{IfMatch: first.ETag}); !errors.Is(err, s3source.ErrObjectChanged) {
		t.Errorf("another ETag: %v", err)
	}
	if _, err := s3source.Head(t.Context(), client, bucket, "none", nil); !errors.Is(err, s3source.ErrNotFound) {
		t.Errorf("no object: %v", err)
	}
	if _, err := s3source.Head(t.Context(), nil, bucket, key, nil); stream.ClassOf(err) != stream.Fatal {
		t.Errorf("no client: %v", err)
	}
}
