package s3source_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
	"github.com/millweir/millweir/stream/streamtest"
)

func TestConformanceParallel(t *testing.T) {
	server, client := newServer(t, nil)
	streamtest.TestSource(t, streamtest.Source[[]byte]{
		New: func(n int) stream.Source[[]byte] {
			name := fmt.Sprint("of-", n)
			server.Put(bucket, name, random(n*10))
			return s3source.Download(client, bucket, name,
				&s3source.DownloadOptions{ChunkSize: 10, Parallelism: 3, PartSize: 20})
		},
		Want: func(t *testing.T, n int, out [][]byte) {
			if !bytes.Equal(bytes.Join(out, nil), random(n*10)) {
				t.Error("the output is not the object")
			}
		},
		Stalled: func() stream.Source[[]byte] {
			server.Put(bucket, "stalled", random(100))
			server.Fault(s3test.Fault{Op: "GetObject", Key: "stalled", Times: -1, Before: s3test.Hang})
			return s3source.Download(client, bucket, "stalled", &s3source.DownloadOptions{Parallelism: 3, PartSize: 20})
		},
		RealIO: true,
		Idle:   []string{"net/http.", "internal/poll.", "net."},
	})
}

// TestParallel reads objects and ranges of every size around the limits of parts and chunks, with
// chunks that belong to the receiver and with lent ones.
func TestParallel(t *testing.T) {
	server, client := newServer(t, nil)
	for _, size := range []int{0, 1, 99, 100, 101, 299, 300, 301, 1000} {
		data := random(size)
		server.Put(bucket, key, data)
		for _, o := range []s3source.DownloadOptions{
			{PartSize: 100, ChunkSize: 30},
			{PartSize: 100, ChunkSize: 1000},
			{PartSize: 1, ChunkSize: 1, Offset: int64(size / 2)},
			{PartSize: 100, Offset: int64(size / 3), Length: int64(size / 2)},
			{PartSize: 1 << 40},
		} {
			o.Parallelism = 3
			want := data[o.Offset:]
			if o.Length > 0 {
				want = want[:o.Length]
			}
			src := s3source.Download(client, bucket, key, &o)
			got, err := read(t.Context(), src)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %+v: %d came, %v", size, o, len(got), err)
			}
			var lent []byte
			err = stream.EachLent(t.Context(), src, func(p []byte) error { lent = append(lent, p...); return nil })
			if err != nil || !bytes.Equal(lent, want) {
				t.Errorf("%d bytes, %+v: %d were lent, %v", size, o, len(lent), err)
			}
		}
	}
}

// TestParallelRequests: a HEAD comes first, and every range asks for the object that it found.
func TestParallelRequests(t *testing.T) {
	server, client := newServer(t, nil)
	o := server.Put(bucket, key, random(1000))
	got, err := read(t.Context(), s3source.Download(client, bucket, key,
		&s3source.DownloadOptions{Parallelism: 4, PartSize: 300}))
	if err != nil || !bytes.Equal(got, o.Body) {
		t.Fatalf("%d bytes came, %v", len(got), err)
	}
	ranges := map[string]bool{"bytes=0-299": true, "bytes=300-599": true, "bytes=600-899": true, "bytes=900-999": true}
	for i, r := range server.Requests() {
		switch rng := r.Header.Get("Range"); {
		case i == 0 && r.Op == "HeadObject":
		case !ranges[rng] || r.Header.Get("If-Match") != o.ETag:
			t.Errorf("request %d is %s of %q, If-Match %q", i, r.Op, rng, r.Header.Get("If-Match"))
		default:
			delete(ranges, rng)
		}
	}
	if len(ranges) > 0 {
		t.Errorf("%v were not asked for", ranges)
	}
}

// TestParallelChanged replaces the object while its parts are read.
func TestParallelChanged(t *testing.T) {
	server, client := newServer(t, nil)
	want := server.Put(bucket, key, random(10_000)).Body
	n := 0
	err := s3source.Download(client, bucket, key,
		&s3source.DownloadOptions{Parallelism: 2, PartSize: 1000, ChunkSize: 100}).Each(t.Context(),
		func(p []byte) error {
			if n == 0 {
				server.Put(bucket, key, random(10_001))
			}
			if !bytes.HasPrefix(want[n:], p) {
				t.Error("a byte of another object came")
			}
			n += len(p)
			return nil
		})
	if !errors.Is(err, s3source.ErrObjectChanged) || n > 2000 {
		t.Errorf("%v after %d bytes", err, n)
	}
}

// TestParallelLimit: no more than Parallelism parts are in flight, however slow the consumer is.
func TestParallelLimit(t *testing.T) {
	server, client := newServer(t, nil)
	server.Put(bucket, key, random(10_000))
	n := 0
	err := s3source.Download(client, bucket, key,
		&s3source.DownloadOptions{Parallelism: 3, PartSize: 100}).Each(t.Context(), func(p []byte) error {
		n += len(p)
		if got, most := server.Count("GetObject"), n/100+3; got > most {
			t.Errorf("%d requests after %d bytes, want at most %d", got, n, most)
		}
		return nil
	})
	if err != nil || n != 10_000 {
		t.Errorf("%d bytes came, %v", n, err)
	}
}
