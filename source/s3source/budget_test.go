package s3source_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestBudget downloads with every budget around what the parts need. Without room for all of them
// fewer are in flight; without room for one the run fails before its first request.
func TestBudget(t *testing.T) {
	server, client := newServer(t, nil)
	want := server.Put(bucket, key, random(10_000)).Body
	for _, tt := range []struct {
		opts s3source.DownloadOptions
		size int64 // of the budget
		ok   bool
	}{
		{s3source.DownloadOptions{Parallelism: 4, PartSize: 1000, ChunkSize: 100}, 4000, true},
		{s3source.DownloadOptions{Parallelism: 4, PartSize: 1000, ChunkSize: 100}, 3999, false},
		{s3source.DownloadOptions{ChunkSize: 1000}, 1000, true},
		{s3source.DownloadOptions{ChunkSize: 1000}, 999, false},
	} {
		before := len(server.Requests())
		b := stream.NewBudget(tt.size)
		var got bytes.Buffer
		_, err := stream.Run(stream.WithBudget(t.Context(), b), s3source.Download(client, bucket, key, &tt.opts),
			sink.Writer(&got))
		if tt.ok != (err == nil) || tt.ok && !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%+v with %d bytes: %d came, %v", tt.opts, tt.size, got.Len(), err)
		}
		if !tt.ok && (stream.ClassOf(err) != stream.Fatal || !strings.Contains(err.Error(), "s3source.Download") ||
			len(server.Requests()) > before) {
			t.Errorf("%+v with %d bytes: %v after %d requests", tt.opts, tt.size, err, len(server.Requests())-before)
		}
		if b.Used() != 0 {
			t.Errorf("%d bytes are still taken", b.Used())
		}
	}
}

// TestSharedBudget runs more downloads at once than the budget has room for.
func TestSharedBudget(t *testing.T) {
	server, client := newServer(t, nil)
	want := server.Put(bucket, key, random(20_000)).Body
	server.Fault(s3test.Fault{Op: "GetObject", Times: 20, Skip: 5, After: s3test.CutAfter(300)})
	b := stream.NewBudget(5000)
	ctx := stream.WithBudget(t.Context(), b)
	errs := make(chan error)
	for range 10 {
		go func() {
			var got bytes.Buffer
			_, err := stream.Run(ctx, s3source.Download(client, bucket, key,
				&s3source.DownloadOptions{Parallelism: 3, PartSize: 1000, ChunkSize: 100}), sink.Writer(&got))
			if err == nil && !bytes.Equal(got.Bytes(), want) {
				err = s3source.ErrChecksum
			}
			if b.Used() > b.Size() {
				t.Errorf("%d of %d bytes are taken", b.Used(), b.Size())
			}
			errs <- err
		}()
	}
	for range 10 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if b.Used() != 0 {
		t.Errorf("%d bytes are still taken", b.Used())
	}
}
