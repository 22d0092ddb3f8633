package s3source_test

import (
	"bytes"
	"testing"

	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/source/s3source"
	"github.com/millweir/millweir/stream"
)

// TestLent: a receiver that only looks at the chunks gets all of them in the same memory, across
// requests too.
func TestLent(t *testing.T) {
	server, client := newServer(t, nil)
	want := random(10_000)
	server.Put(bucket, key, want)
	server.Fault(s3test.Fault{After: s3test.CutAfter(4321)})
	var got []byte
	memory := map[*byte]int{}
	err := stream.EachLent(t.Context(),
		s3source.Download(client, bucket, key, &s3source.DownloadOptions{ChunkSize: 1000}),
		func(p []byte) error {
			memory[&p[0]]++
			got = append(got, p...)
			return nil
		})
	if err != nil || !bytes.Equal(got, want) || len(memory) != 1 {
		t.Errorf("%d bytes came in %d buffers, %v", len(got), len(memory), err)
	}
}
