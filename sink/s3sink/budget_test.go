package s3sink_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/stream"
)

// TestBudget: many uploads share a budget that is smaller than what one of them would take. All
// finish, never hold more, and give everything back.
func TestBudget(t *testing.T) {
	server, client := newServer(t, anyParts)
	for _, parts := range []int64{1, 3, 10} {
		budget := stream.NewBudget(parts * 100)
		ctx := stream.WithBudget(t.Context(), budget)
		data := random(1950)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				key := fmt.Sprint("tenant", i)
				src := stream.Via(chunks(data, 30), stream.Map(func(p []byte) []byte {
					if used := budget.Used(); used > budget.Size() {
						t.Errorf("%d bytes are used of %d", used, budget.Size())
					}
					return p
				}))
				_, err := stream.Run(ctx, src, s3sink.UploadWithin(10_000, client, bucket, key,
					small(s3sink.UploadOptions{})))
				if err != nil {
					t.Errorf("%s: %v", key, err)
					return
				}
				if !bytes.Equal(server.Object(bucket, key).Body, data) {
					t.Errorf("%s is not what was sent", key)
				}
			})
		}
		wg.Wait()
		if used := budget.Used(); used != 0 {
			t.Errorf("%d bytes are used after the runs", used)
		}
	}
}

// TestBudgetGrowingParts: a part that would outgrow the upload's minimum is sent unfilled.
func TestBudgetGrowingParts(t *testing.T) {
	server, client := newServer(t, anyParts)
	ctx := stream.WithBudget(t.Context(), stream.NewBudget(100))
	data := random(6000) // 300 parts of 100 at first, which grow
	obj, err := stream.Run(ctx, chunks(data, 30), s3sink.UploadWithin(300, client, bucket, key,
		small(s3sink.UploadOptions{Parallelism: 1})))
	if err != nil {
		t.Fatal(err)
	}
	expectStored(t, server, data, obj)
}

// TestBudgetTooSmall: the run ends before its first element, and the error names the size.
func TestBudgetTooSmall(t *testing.T) {
	server, client := newServer(t, anyParts)
	for _, tt := range []struct {
		budget int64
		opts   s3sink.UploadOptions
		names  string
	}{
		{99, s3sink.UploadOptions{}, "100"},
		{399, s3sink.UploadOptions{Parallelism: 4}, "400"},
	} {
		ctx := stream.WithBudget(t.Context(), stream.NewBudget(tt.budget))
		src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
			return emit(random(10))
		})
		_, err := stream.Run(ctx, src, s3sink.UploadWithin(10, client, bucket, key, small(tt.opts)))
		if err == nil || stream.ClassOf(err) != stream.Fatal || !strings.Contains(err.Error(), tt.names) {
			t.Errorf("a budget of %d bytes: %v", tt.budget, err)
		}
	}
	if len(server.Requests()) > 0 {
		t.Error("a request was sent")
	}
}

// TestBudgetOfMaxSize: with MaxSize, the budget must have memory for the largest part that such a
// stream needs. Without MaxSize, the error of a stream that is too large for small parts says why.
func TestBudgetOfMaxSize(t *testing.T) {
	const largest = 572 // the last of 20 parts of a stream of 6,000 bytes
	data := random(6000)
	for _, tt := range []struct {
		budget int64
		opts   s3sink.UploadOptions
		want   string // in the error; "" for none
		sent   bool
	}{
		{largest, s3sink.UploadOptions{MaxSize: 6000}, "", true},
		{largest - 1, s3sink.UploadOptions{MaxSize: 6000}, fmt.Sprint(largest), false},
		{334, s3sink.UploadOptions{ExpectedSize: 6000}, "", true},
		{332, s3sink.UploadOptions{ExpectedSize: 6000}, "334", false},
		{100, s3sink.UploadOptions{}, "MaxSize", true},
	} {
		server, client := newServer(t, anyParts)
		tt.opts.Parallelism = 1
		ctx := stream.WithBudget(t.Context(), stream.NewBudget(tt.budget))
		_, err := stream.Run(ctx, chunks(data, 30), s3sink.UploadWithin(20, client, bucket, key, small(tt.opts)))
		if (err == nil) != (tt.want == "") || !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("a budget of %d bytes: %v", tt.budget, err)
		}
		if sent := len(server.Requests()) > 0; sent != tt.sent {
			t.Errorf("a budget of %d bytes: requests were sent: %v", tt.budget, sent)
		}
	}
}

// TestShortStreamMemory: an upload of some bytes takes kilobytes, whatever its part size.
func TestShortStreamMemory(t *testing.T) {
	_, client := newServer(t, nil)
	src := stream.SourceFunc[[]byte](func(_ context.Context, emit func([]byte) error) error {
		return emit(random(100))
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := stream.Run(t.Context(), src, s3sink.Upload(client, bucket, key,
		&s3sink.UploadOptions{PartSize: 1 << 30})); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 { // with those of the SDK and the server
		t.Errorf("%d bytes were allocated for an upload of 100", got)
	}
}
