package s3sink_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/millweir/millweir/s3test"
	"github.com/millweir/millweir/sink/s3sink"
	"github.com/millweir/millweir/source"
	"github.com/millweir/millweir/stream"
)

// tardy is a client of a service that stores a part 50 ms after the abort, because the part was
// still in flight. This restores the upload, as in versitygw.
type tardy struct {
	*s3.Client
	first   chan struct{} // closed when part 1 is stored
	halfway chan struct{}

	mu     sync.Mutex
	tried  int  // aborts
	ended  int  // aborts that found an upload
	isBack bool // the upload exists again
}

func (c *tardy) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput,
	opts ...func(*s3.Options),
) (*s3.AbortMultipartUploadOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried++
	if c.isBack {
		c.isBack = false
		c.ended++
		return &s3.AbortMultipartUploadOutput{}, nil
	}
	out, err := c.Client.AbortMultipartUpload(ctx, in, opts...)
	if err == nil {
		c.ended++
		time.AfterFunc(50*time.Millisecond, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.isBack = true
		})
	}
	return out, err
}

// UploadPart blocks in part 2 if halfway is not nil: it closes halfway and waits until ctx is done.
func (c *tardy) UploadPart(ctx context.Context, in *s3.UploadPartInput,
	opts ...func(*s3.Options),
) (*s3.UploadPartOutput, error) {
	switch {
	case c.halfway == nil:
	case *in.PartNumber == 1:
		defer close(c.first)
	default:
		<-c.first // then part 2 is the only part without a reply
		close(c.halfway)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return c.Client.UploadPart(ctx, in, opts...)
}

// TestLatePart ends a run while a part is being sent, or before its reply. A single abort does not
// end such an upload.
func TestLatePart(t *testing.T) {
	for name, sent := range map[string]bool{"sent": true, "half sent": false} {
		t.Run(name, func(t *testing.T) { latePart(t, sent) })
	}
}

func latePart(t *testing.T, sent bool) {
	server, client := newServer(t, anyParts)
	under := make(chan struct{})
	c := &tardy{Client: client}
	if sent {
		server.Fault(s3test.Fault{Op: "UploadPart", Part: 2, After: func(_ *s3test.Request, r *s3test.Reply) {
			close(under)
			*r = s3test.Reply{Hang: true}
		}})
	} else {
		c.first, c.halfway = make(chan struct{}), under
	}
	src := then(source.Of(random(250)), func(context.Context) error {
		<-under
		return errSource
	})
	_, err := stream.Run(t.Context(), src, s3sink.UploadWithin(10_000, c, bucket, key, small(s3sink.UploadOptions{})))
	if err != errSource { //nolint:errorlint // unchanged
		t.Errorf("the run ended with %v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isBack || c.ended != 2 {
		t.Errorf("%d of %d aborts ended the upload; it is back: %v", c.ended, c.tried, c.isBack)
	}
	expectNothing(t, server)
}
